from __future__ import annotations

from uuid import UUID

from django.db import models

from customdata.supplemental import SupplementalConfiguration, read_supplemental
from syncengine.ids import new_id
from syncengine.models import Integration


class SupplementalData(models.Model):
    """Which extra members the records of one standard type of one platform carry (codat contract, section 12).

    configuration:  the value of `supplementalDataConfig`, as the wire writes it.
    """

    integration_id: UUID
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    integration = models.ForeignKey(Integration, models.PROTECT, related_name="supplemental_data", db_index=False)
    data_type = models.CharField(max_length=100)
    configuration = models.JSONField()
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=120, blank=True)

    class Meta:
        verbose_name_plural = "supplemental data"
        constraints = [models.UniqueConstraint(fields=["integration", "data_type"], name="supplemental_data_one")]

    def __str__(self) -> str:
        return f"{self.data_type} of {self.integration_id}"

    @property
    def settings(self) -> SupplementalConfiguration:
        return read_supplemental({"supplementalDataConfig": self.configuration})
