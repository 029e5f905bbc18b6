from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models.functions import Lower

from customdata.configuration import Configuration, read_configuration
from syncengine.ids import new_id
from syncengine.models import Integration


class CustomDataType(models.Model):
    """A data type outside the catalogue, read from one endpoint of one platform (codat contract, section 11).

    identifier:     as it was first written; found whatever the case, and fixed, since the records' data type holds it.
    configuration:  as the wire writes it. A deleted one stays, so that what was read keeps its data type.
    fetch_on_first_link, sync_schedule_hours:
                    as those of standard types are; nothing is read by itself unless somebody says so.
    """

    integration_id: UUID
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    integration = models.ForeignKey(Integration, models.PROTECT, related_name="custom_data_types", db_index=False)
    identifier = models.CharField(max_length=80)
    configuration = models.JSONField()
    fetch_on_first_link = models.BooleanField(default=False)
    sync_schedule_hours = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=120, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("integration", Lower("identifier"), name="custom_data_type_identifier"),
        ]

    def __str__(self) -> str:
        return self.data_type

    @property
    def data_type(self) -> str:
        """The word that datasets, records and the wire use."""
        return f"custom/{self.identifier}"

    @property
    def settings(self) -> Configuration:
        return read_configuration(self.configuration)
