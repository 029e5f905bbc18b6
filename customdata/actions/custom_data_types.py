"""Custom data types: created or replaced, and deleted. What was read of them stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from customdata.checks import warnings_of
from customdata.configuration import Configuration, read_configuration
from customdata.exceptions import ConfigurationWarning, NotStrict
from customdata.models import CustomDataType
from customdata.queries.custom_data_types import find_custom_data_type
from syncengine.actions.schedules import reschedule_platform
from syncengine.actions.sync_settings import check_schedule
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Integration

MAX_IDENTIFIER = 80
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Saved:
    custom_data_type: CustomDataType
    created: bool
    warnings: tuple[ConfigurationWarning, ...]


def put_custom_data_type(
    integration: Integration, identifier: str, body: Mapping[str, Any], *, actor: str, strict: bool = False
) -> Saved:
    """Create the custom data type, or replace its configuration.

    identifier:  found whatever its case; it stays as it was first written, after a deletion as well, since what was
                 read before bears it.
    body:        the configuration as the wire writes it.
    strict:      refuse a configuration with warnings.
    Raises:      Refused naming the member at fault, NotStrict.
    """
    _check_identifier(identifier)
    configuration = read_configuration(body)
    warnings = tuple(warnings_of(configuration, integration.key, body))
    if strict and warnings:
        raise NotStrict(warnings)
    for _ in range(3):
        try:
            with transaction.atomic():
                row, created = _put(integration, identifier, configuration, actor)
            return Saved(row, created, warnings)
        except IntegrityError:
            continue  # created by another this moment: replace that one
    raise Refused(f"{identifier} is being created elsewhere. Try again.", field="customDataIdentifier")


def _put(
    integration: Integration, identifier: str, configuration: Configuration, actor: str
) -> tuple[CustomDataType, bool]:
    moment = now()
    rows = CustomDataType.objects.select_for_update().filter(integration=integration, identifier__iexact=identifier)
    row = rows.first()
    created = row is None or row.deleted_at is not None
    before = None if row is None or created else row.configuration
    if row is None:
        row = CustomDataType(integration=integration, identifier=identifier, created_by=actor)
    row.configuration = configuration.as_wire()
    row.changed_at, row.changed_by = moment, actor
    row.deleted_at, row.deleted_by = None, ""
    if before != row.configuration:
        row.save()
        kind = "custom_data_type.created" if created else "custom_data_type.changed"
        record_event(
            kind,
            actor=actor,
            platform=integration.key,
            identifier=row.identifier,
            configuration=row.configuration,
            before=before,
        )
    return row, created


@transaction.atomic
def delete_custom_data_type(integration: Integration, identifier: str, *, actor: str) -> CustomDataType:
    """Take the configuration away: it is found and queued no more. What was read of it stays readable.

    Raises: UnknownCustomDataType.
    """
    row = find_custom_data_type(integration, identifier)
    row.deleted_at, row.deleted_by = now(), actor
    row.fetch_on_first_link, row.sync_schedule_hours = False, 0
    row.save(update_fields=["deleted_at", "deleted_by", "fetch_on_first_link", "sync_schedule_hours"])
    reschedule_platform(integration, row.data_type, 0)
    record_event(
        "custom_data_type.deleted",
        actor=actor,
        platform=integration.key,
        identifier=row.identifier,
        before=row.configuration,
    )
    return row


@transaction.atomic
def set_reading(
    custom: CustomDataType, *, fetch_on_first_link: bool, sync_schedule_hours: int, actor: str
) -> CustomDataType:
    """Say whether the type is read with the first link and whenever all of a company is refreshed, and how often.

    Raises: Refused naming the member at fault; ScheduleNotAllowed.
    """
    check_schedule(custom.data_type, sync_schedule_hours)
    row = CustomDataType.objects.select_for_update().get(pk=custom.pk)
    wanted = {"fetch_on_first_link": fetch_on_first_link, "sync_schedule_hours": sync_schedule_hours}
    changed = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    if not changed:
        return row
    for name, value in changed.items():
        setattr(row, name, value)
    row.save(update_fields=list(changed))
    if "sync_schedule_hours" in changed and row.deleted_at is None:
        reschedule_platform(row.integration, row.data_type, sync_schedule_hours)
    record_event(
        "custom_data_type.reading_changed",
        actor=actor,
        platform=row.integration.key,
        identifier=row.identifier,
        changed=changed,
    )
    return row


def _check_identifier(identifier: str) -> None:
    if len(identifier) > MAX_IDENTIFIER or not _IDENTIFIER.fullmatch(identifier):
        raise Refused(
            f"An identifier has 1 to {MAX_IDENTIFIER} letters, digits, dots, hyphens and underscores, "
            "and begins with a letter or a digit.",
            field="customDataIdentifier",
        )
