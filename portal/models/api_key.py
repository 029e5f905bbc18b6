from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from portal.scopes import rights_of
from syncengine.ids import new_id
from syncengine.models import Company


class ApiKey(models.Model):
    """What an application comes to the API with. Its secrets stand in rows of their own, as hashes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=50, blank=True)
    scopes = models.JSONField(default=list)
    # Single rights beside the scopes.
    rights = models.JSONField(default=list)
    # Ids of the only companies it sees, null for all. A list and not a relation: when the last of them is purged,
    # the key must see nothing, never everything.
    company_ids = models.JSONField(null=True)
    expires_at = models.DateTimeField(null=True)
    # Good to the minute, so that a busy key does not write its row with every request.
    last_used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=120, blank=True)

    class Meta:
        indexes = [models.Index(fields=["-created_at"], name="api_key_created")]

    def __str__(self) -> str:
        return self.name or f"API key {self.pk}"

    @property
    def is_limited(self) -> bool:
        return self.company_ids is not None

    @property
    def held_rights(self) -> frozenset[str]:
        return rights_of(self.scopes, self.rights, is_limited=self.is_limited)

    @property
    def has_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= now()

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and not self.has_expired


class ApiKeySecret(models.Model):
    """One secret of a key: the one in use, or, until its overlap ends, the one before it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="secrets")
    hash = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=20)
    created_at = models.DateTimeField(auto_now_add=True)
    # Null while it is the one in use.
    ends_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.hint


class CompanyAccessToken(models.Model):
    """A day's access to one company, for a widget in a browser. It ends with the key that asked for it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hash = models.CharField(max_length=64, unique=True)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+")
    issued_by = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"Access token {self.pk}"


def is_live(moment: datetime, through: str = "") -> Q:
    """Return the condition that a key is neither revoked nor expired; `through` leads to it, e.g. "key__"."""
    unexpired = Q(**{f"{through}expires_at__isnull": True}) | Q(**{f"{through}expires_at__gt": moment})
    return Q(**{f"{through}revoked_at__isnull": True}) & unexpired
