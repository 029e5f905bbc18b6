"""Supplemental data: configured for one data type of one platform. A change makes the next read of the type full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from customdata.exceptions import ConfigurationWarning, NotStrict
from customdata.models import SupplementalData
from customdata.supplemental import SupplementalConfiguration, read_supplemental, warnings_of
from syncengine.connectors.registry import platforms
from syncengine.events import record_event
from syncengine.models import Integration


@dataclass(frozen=True, slots=True)
class SavedSupplement:
    configuration: SupplementalConfiguration
    warnings: tuple[ConfigurationWarning, ...]


def put_supplemental_data(
    integration: Integration, data_type: str, body: Mapping[str, Any], *, actor: str, strict: bool = False
) -> SavedSupplement:
    """Replace the configuration; an empty one takes the members away again.

    body:    as the wire writes it.
    strict:  refuse a configuration with warnings.
    Raises:  Refused naming the member at fault, NotStrict.
    """
    configuration = read_supplemental(body)
    warnings = tuple(warnings_of(configuration, _endpoint(integration.key, data_type)))
    if strict and warnings:
        raise NotStrict(warnings)
    _put(integration, data_type, configuration, actor)
    return SavedSupplement(configuration, warnings)


@transaction.atomic
def _put(integration: Integration, data_type: str, configuration: SupplementalConfiguration, actor: str) -> None:
    rows = SupplementalData.objects.select_for_update().filter(integration=integration, data_type=data_type)
    before = rows.values_list("configuration", flat=True).first() or {}
    after = configuration.as_wire()
    if before == after:
        return
    if after:
        SupplementalData.objects.update_or_create(
            integration=integration,
            data_type=data_type,
            defaults={"configuration": after, "changed_at": now(), "changed_by": actor},
        )
    else:
        rows.delete()
    record_event(
        "supplemental_data.changed",
        actor=actor,
        platform=integration.key,
        data_type=data_type,
        before=before,
        configuration=after,
    )


def _endpoint(platform_key: str, data_type: str) -> str:
    """Return where the type's records come from, "" when the platform has none or reads it in a way of its own."""
    platform = platforms().get(platform_key)
    support = platform.types.get(data_type) if platform else None
    return support.endpoint if support else ""
