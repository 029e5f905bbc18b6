"""What happened to a company, in words: the engine's events as the activity feed shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from portal.actors import ids_among, user_names
from portal.models import ApiKey
from syncengine.datatypes import DATA_TYPES
from syncengine.models import Company, Event

ACTORS = {
    "schedule": "the schedule",
    "first-link": "the first link",
    "relink": "the new link",
    "worker": "the worker",
    "demo": "the demo",
    "": "Headrace",
}

# What a person wants to see of a company. A dataset's every step is on its own page.
SENTENCES: dict[str, str] = {
    "company.created": "Company created as “{name}”",
    "company.renamed": "Renamed from “{before}” to “{after}”",
    "company.changed": "Description or tags changed",
    "company.product_added": "Product {product} enabled",
    "company.product_removed": "Product {product} disabled",
    "connection.created": "Connection added",
    "connection.linking_started": "Linking started",
    "connection.linking_failed": "Linking did not succeed: {reason}",
    "connection.linked": "Linked",
    "connection.deauthorized": "Deauthorized: {reason}",
    "connection.unlinked": "Unlinked",
    "connection.deleted": "Connection deleted",
    "dataset.queued": "{label} queued",
    "dataset.cancel_requested": "Cancelling a read was asked for",
    "dataset.cancelled": "A read was cancelled",
    "sync_setting.changed": "Sync setting of {label} changed",
    "sync_setting.reset": "Sync settings reset to the defaults",
}

TOGETHER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of the feed; reads that were queued together share one.

    detail:      their data types.
    dataset_id:  leads to the read it tells of, when it is one.
    """

    at: datetime
    text: str
    who: str
    detail: str = ""
    dataset_id: UUID | None = None


def recent_activity(company: Company, *, limit: int = 12) -> list[Activity]:
    """Return the company's latest events, newest first; two queries."""
    events = Event.objects.filter(company_id=company.pk, kind__in=SENTENCES).order_by("-at", "-id")[: limit * 10]
    together: list[list[Event]] = []
    for event in events:
        if together and _belong_together(together[-1][-1], event):
            together[-1].append(event)
        else:
            together.append([event])
    names = actor_names(group[0].actor for group in together[:limit])
    return [_activity(group, names[group[0].actor]) for group in together[:limit]]


def actor_names(actors: Iterable[str]) -> dict[str, str]:
    """Return how to call each actor ("user:<uuid>", "api-key:<uuid>", "schedule" …).

    One query for the users and one for the keys among them, none where there are none.
    """
    wanted = set(actors)
    names = user_names(wanted)
    if keys := ids_among(wanted, "api-key"):
        named = ApiKey.objects.filter(pk__in=keys.values()).exclude(name="").values_list("pk", "name")
        called = {pk: f"API key “{name}”" for pk, name in named}
        names |= {actor: called[pk] for actor, pk in keys.items() if pk in called}
    return {actor: _name(actor, names.get(actor)) for actor in wanted}


def _belong_together(one: Event, other: Event) -> bool:
    same = one.kind == other.kind == "dataset.queued" and one.actor == other.actor
    return same and one.at - other.at < TOGETHER


def _activity(group: list[Event], who: str) -> Activity:
    first = group[0]
    if len(group) == 1:
        return Activity(first.at, _sentence(first), who, dataset_id=first.dataset_id)
    types = sorted({str(_words(event.data)["label"]) for event in group})
    return Activity(first.at, f"{len(group)} reads queued", who, detail=", ".join(types))


def _name(actor: str, found: str | None) -> str:
    kind, _, rest = actor.partition(":")
    if kind == "user":
        return found or "a former user"
    if kind == "api-key":
        return found or f"API key {rest}"
    if kind == "access-token":
        return "an access token"
    if kind == "customer":
        return "the customer"
    if kind == "dataset":
        return "a read"
    return ACTORS.get(actor, actor)


class _Words(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def _sentence(event: Event) -> str:
    return SENTENCES[event.kind].format_map(_Words(_words(event.data)))


def _words(data: Mapping[str, Any]) -> dict[str, Any]:
    key = str(data.get("data_type", ""))
    known = DATA_TYPES.get(key)
    return {**data, "label": known.label if known else key}
