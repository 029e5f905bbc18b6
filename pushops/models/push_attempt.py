from __future__ import annotations

from django.db import models

from pushops.models.push_operation import PushOperation
from pushops.states import AttemptOutcome


class PushAttempt(models.Model):
    """One try at carrying an operation out, or at finding out what became of an earlier one.

    outcome:   "" while it goes on.
    message:   plain words for what happened.
    upstream:  the platform's own words.
    exchange:  the requests it made, oldest first, without their secrets: a list of objects with sent_at, method, url,
               status_code, duration_ms, response_bytes, request_headers, response_headers, error_message, excerpt.
    """

    operation = models.ForeignKey(PushOperation, models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveIntegerField()
    worker = models.CharField(max_length=120, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=14, choices=AttemptOutcome, blank=True)
    message = models.TextField(blank=True)
    upstream = models.TextField(blank=True)
    status_code = models.PositiveIntegerField(null=True, blank=True)
    exchange = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["operation", "number"], name="push_attempt_one")]
        indexes = [models.Index(fields=["ended_at"], name="push_attempt_ended")]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.outcome or 'under way'}"
