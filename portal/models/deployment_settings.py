from __future__ import annotations

from django.db import models
from django.db.models import Q

from syncengine.ids import new_id


class DeploymentSettings(models.Model):
    """What this deployment says of itself and whom it trusts (codat contract, section 16). One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    # How the wire calls this deployment: {clientId} in the redirect, `clientId` in webhooks.
    client_id = models.UUIDField(default=new_id, editable=False)
    name = models.CharField(max_length=200, default="Headrace")
    logo_url = models.CharField(max_length=2048, blank=True)
    icon_url = models.CharField(max_length=2048, blank=True)
    # Where customers go after linking, with placeholders; empty for our own page.
    redirect_url = models.CharField(max_length=2048, blank=True)
    white_list_urls = models.JSONField(default=list)
    # Sealed: the Authorization header that alerts carry.
    alert_auth_header = models.BinaryField(default=b"")
    confirm_company_name = models.BooleanField(default=False)
    allowed_origins = models.JSONField(default=list)

    class Meta:
        verbose_name_plural = "deployment settings"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="deployment_settings_one_row")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def load(cls) -> DeploymentSettings:
        """Return the one row; one query once it exists."""
        return cls.objects.get_or_create(pk=1)[0]

    @classmethod
    def locked(cls) -> DeploymentSettings:
        """Return the row, held until the transaction ends: whoever counts what is limited stands in line here."""
        cls.load()
        return cls.objects.select_for_update().get(pk=1)
