"""Supplemental data: what is configured for one data type of one platform."""

from __future__ import annotations

from uuid import UUID

from customdata.models import SupplementalData
from customdata.supplemental import SupplementalConfiguration


def supplemental_configuration(integration_id: UUID, data_type: str) -> SupplementalConfiguration:
    """Return the configuration, an empty one when there is none; one query."""
    found = SupplementalData.objects.filter(integration_id=integration_id, data_type=data_type).first()
    return found.settings if found else SupplementalConfiguration()
