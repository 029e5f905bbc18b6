from __future__ import annotations

from typing import ClassVar

from django.db import models


class ApiUsage(models.Model):
    """How much of a budget was handed out in its current window. Processes take it in small lots (portal/api/quota.py).

    bucket:      whom it is for, e.g. "key:<id>" or "address:203.0.113.9".
    refused_at:  when the window's budget was first found used up.
    """

    bucket = models.CharField(max_length=120, primary_key=True)
    window_ends_at = models.DateTimeField()
    handed_out = models.PositiveBigIntegerField(default=0)
    refused_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "API usage"
        indexes: ClassVar = [models.Index(fields=["window_ends_at"], name="api_usage_window")]

    def __str__(self) -> str:
        return self.bucket


class IdempotentAnswer(models.Model):
    """What a request with an Idempotency-Key was answered, kept to be given again.

    key_hash:     SHA-256 of the caller and the key, in hex.
    fingerprint:  SHA-256 of method, path, query and body, in hex.
    status_code:  0 while the request is being worked on, until `held_until` at most.
    begun:        what it has begun outside this request, e.g. the id of a push operation.
    """

    key_hash = models.CharField(max_length=64, primary_key=True)
    fingerprint = models.CharField(max_length=64)
    status_code = models.PositiveSmallIntegerField(default=0)
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField(default=bytes)  # encrypted: the answer to a new API key holds the key
    begun = models.CharField(max_length=100, blank=True, default="")
    held_until = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="idempotent_answer_expiry")]

    def __str__(self) -> str:
        return f"{self.status_code or 'running'}"
