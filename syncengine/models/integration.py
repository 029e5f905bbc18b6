from __future__ import annotations

from django.db import models

from syncengine.ids import new_id


class Integration(models.Model):
    """A source platform in the catalogue, as this deployment has set it up. Its abilities stand in the connector."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=4, unique=True)
    name = models.CharField(max_length=100)
    source_type = models.CharField(max_length=20)
    source_id = models.UUIDField(default=new_id, editable=False)
    enabled = models.BooleanField(default=True)
    # Inside a customer's network: a connector process there fetches our requests and makes them.
    is_offline = models.BooleanField(default=False, db_default=False)
    # What the platform's manifest asks of the deployment (base URL …); secrets (client_id, client_secret) apart.
    settings = models.JSONField(default=dict, blank=True)
    client = models.BinaryField(default=bytes, blank=True)  # secrets.seal / unseal

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
