"""Companies: made, renamed, deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.db import transaction
from django.utils.timezone import now

from syncengine.actions.connections import delete_connection
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Company

_FORBIDDEN = re.compile(r"[^\w\s\-'&@.,?!]|_")
MAX_NAME = 200
MAX_TAGS = 10
MAX_TAG_VALUE = 100


@transaction.atomic
def create_company(*, name: str, description: str = "", tags: Mapping[str, str] | None = None, actor: str) -> Company:
    """Create a company. Characters a name may not hold are removed without a word (codat contract, section 3).

    Raises: Refused naming `name` or `tags`.
    """
    company = Company.objects.create(
        name=_clean_name(name), description=description.strip(), tags=_checked_tags(tags or {}), created_by=actor
    )
    record_event("company.created", about=company, actor=actor, name=company.name)
    return company


@transaction.atomic
def rename_company(company: Company, *, name: str, actor: str) -> None:
    """Raises: Refused naming `name`."""
    before, company.name = company.name, _clean_name(name)
    if company.name != before:
        company.save(update_fields=["name"])
        record_event("company.renamed", about=company, actor=actor, before=before, after=company.name)


@transaction.atomic
def delete_company(company: Company, *, actor: str) -> None:
    """Make the company and all below it vanish at once. Its secrets are gone now, its records are purged later."""
    for connection in company.connections.filter(deleted_at__isnull=True):
        delete_connection(connection, actor=actor)
    company.deleted_at = now()
    company.save(update_fields=["deleted_at"])
    record_event("company.deleted", about=company, actor=actor, name=company.name)


def _clean_name(name: str) -> str:
    cleaned = " ".join(_FORBIDDEN.sub("", name).split())
    if not cleaned:
        raise Refused("Enter a name with at least one letter or digit.", field="name")
    if len(cleaned) > MAX_NAME:
        raise Refused(f"A name has at most {MAX_NAME} characters; this one has {len(cleaned)}.", field="name")
    return cleaned


def _checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    if len(tags) > MAX_TAGS:
        raise Refused(f"A company has at most {MAX_TAGS} tags.", field="tags")
    for key, value in tags.items():
        if not isinstance(value, str) or len(value) > MAX_TAG_VALUE:
            raise Refused(f"The value of tag {key!r} must be text of at most {MAX_TAG_VALUE} characters.", field="tags")
    return dict(tags)
