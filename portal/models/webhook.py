"""Where to tell, what is told, and each try at telling it."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import Q

from syncengine.ids import new_id


class DisabledBecause(models.TextChoices):
    PAUSED = "paused", "Paused by hand"
    FAILING = "failing", "Switched off: it failed for too long"
    GONE = "gone", "Switched off: it answered 410 Gone"


class WebhookConsumer(models.Model):
    """An endpoint that is told of events: which types, of which companies, and how to prove that it was us."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    url = models.TextField()
    description = models.CharField(max_length=200, blank=True)
    event_types = models.JSONField(default=list)
    company_tags = models.JSONField(default=list, blank=True)  # "key:value"; any of them is enough, none means all
    rate_limit = models.PositiveIntegerField(null=True, blank=True)  # messages a second
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    # secrets.seal / unseal: {"secret": "whsec_…"} twice, and {name: value}
    secret = models.BinaryField(default=bytes, blank=True)
    previous_secret = models.BinaryField(default=bytes, blank=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    headers = models.BinaryField(default=bytes, blank=True)

    disabled = models.BooleanField(default=False)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_because = models.CharField(max_length=10, blank=True, choices=DisabledBecause)
    disabled_by = models.CharField(max_length=120, blank=True)

    failing_since = models.DateTimeField(null=True, blank=True)  # the first failure after the last success
    failing_told = models.BooleanField(default=False)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="webhook_consumer_created")]

    def __str__(self) -> str:
        return self.url

    @property
    def lane(self) -> str:
        return f"consumer:{self.pk}"

    @property
    def standing(self) -> str:
        """Return how it stands, in one word: Enabled, Failing, Paused or Disabled."""
        if self.disabled:
            return "Paused" if self.disabled_because == DisabledBecause.PAUSED else "Disabled"
        return "Failing" if self.failing_since else "Enabled"


class MessageState(models.TextChoices):
    SENDING = "Sending"
    ATTEMPTING = "Attempting"
    SUCCESS = "Success"
    FAILURE = "Failure"


ACTIVE = (MessageState.SENDING, MessageState.ATTEMPTING)


class MessageTrigger(models.TextChoices):
    EVENT = "event", "An event"
    REPLAY = "replay", "Replayed"
    TEST = "test", "A test"


def new_message_id() -> str:
    return f"msg_{new_id().hex}"


class WebhookMessage(models.Model):
    """What one receiver is told of one event, as the bytes that go out. This row is the truth; a courier claims it.

    channel:  how it is delivered and judged (portal/alerting/channels.py); "consumer" is a signed webhook.
    lane:     what it queues behind: messages of one lane share its concurrency, and never delay those of another.
    """

    consumer_id: UUID | None
    id = models.CharField(primary_key=True, max_length=40, default=new_message_id, editable=False)
    channel = models.CharField(max_length=20, default="consumer")
    lane = models.CharField(max_length=120)
    consumer = models.ForeignKey(
        WebhookConsumer, models.CASCADE, null=True, blank=True, related_name="messages", db_index=False
    )
    rule_id: UUID | None
    alert_id: UUID | None
    rule = models.ForeignKey(
        "portal.AlertingRule", models.CASCADE, null=True, blank=True, related_name="messages", db_index=False
    )
    alert = models.ForeignKey(
        "portal.Alert", models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    to = models.TextField()  # the receiver as it may be shown
    options = models.JSONField(default=dict, blank=True)  # what the channel needs to know besides
    event_id = models.UUIDField(null=True, blank=True)  # a fact outlives what is told of it, and the other way round
    event_type = models.CharField(max_length=120)
    company_id = models.UUIDField(null=True, blank=True)
    payload = models.BinaryField()
    trigger = models.CharField(max_length=10, choices=MessageTrigger, default=MessageTrigger.EVENT)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)

    # --- where it stands ---
    state = models.CharField(max_length=12, choices=MessageState, default=MessageState.SENDING)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    held = models.BooleanField(default=False)  # its receiver is disabled: what was planned waits
    plan_step = models.PositiveIntegerField(default=0)  # how much of the retry plan is used up; a resend starts anew
    attempt_count = models.PositiveIntegerField(default=0)
    completed_at = models.DateTimeField(null=True, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    last_status_code = models.PositiveIntegerField(null=True, blank=True)
    last_duration_ms = models.PositiveIntegerField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    # --- who delivers it: claimed by compare-and-set, written only while the fence holds ---
    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["consumer", "event_id", "event_type"],
                condition=Q(consumer__isnull=False, event_id__isnull=False),
                name="webhook_message_once",
            ),
            models.CheckConstraint(condition=Q(state__in=MessageState.values), name="webhook_message_state"),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at", "lane"],
                condition=Q(state__in=[str(state) for state in ACTIVE], held=False),
                name="webhook_message_due",
            ),
            models.Index(
                fields=["lane", "next_attempt_at"],
                condition=Q(state__in=[str(state) for state in ACTIVE], held=False),
                name="webhook_message_lane",
            ),
            models.Index(fields=["-created_at"], name="webhook_message_created"),
            models.Index(fields=["consumer", "-created_at"], name="webhook_message_consumer"),
            models.Index(fields=["state", "-created_at"], name="webhook_message_state_at"),
            models.Index(fields=["company_id", "-created_at"], name="webhook_message_company"),
            models.Index(fields=["event_id"], name="webhook_message_event"),
            models.Index(fields=["rule", "-created_at"], condition=Q(rule__isnull=False), name="webhook_message_rule"),
            models.Index(fields=["alert"], condition=Q(alert__isnull=False), name="webhook_message_alert"),
        ]

    def __str__(self) -> str:
        return self.pk

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def can_be_resent(self) -> bool:
        """Say whether its receiver is still there; one that is only disabled is."""
        receiver = self.consumer or self.rule
        return receiver is not None and receiver.deleted_at is None and self.trigger != MessageTrigger.TEST


class WebhookAttempt(models.Model):
    """One try at telling, written when it has ended; of one whose courier died, by the courier that took over."""

    message_id: str
    message = models.ForeignKey(WebhookMessage, models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveIntegerField()
    by_hand = models.BooleanField(default=False)
    planned_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    status_code = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    error = models.TextField(blank=True)
    request_headers = models.JSONField(default=dict, blank=True)  # redacted
    response_headers = models.JSONField(default=dict, blank=True)
    response_bytes = models.PositiveBigIntegerField(default=0)
    response_excerpt = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="webhook_attempt_number")]
        indexes = [models.Index(fields=["started_at"], name="webhook_attempt_started")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.message_id}"

    @property
    def outcome(self) -> str:
        return "Success" if self.status_code is not None and 200 <= self.status_code < 300 else "Failure"


class ZapierKey(models.Model):
    """The one integration key that Zapier shows us, as its hash; a new one replaces it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    key_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)

    def __str__(self) -> str:
        return "Zapier integration key"
