"""What the operations on alerting rules take and give, and what their lists can be queried by."""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models import F
from pydantic import Field, WithJsonSchema

from portal.alerting.rule_types import RULE_TYPES
from portal.api.lists import PageOut
from portal.api.query_fields import DATE, TEXT, UUID, Fields, Property
from portal.api.schema import StrictInt, StrictStr, Wire, WireBody

RuleId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
AlertId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]

_TYPES = "One of: " + ", ".join(kind.wire for kind in RULE_TYPES.values()) + "."
_SOME_TYPE = "Data Sync Status Changed To Error"


class NotifiersBody(WireBody):
    """Who is told; nobody is fine, the portal shows every alert."""

    emails: list[StrictStr] | None = Field(None, examples=[["ana@example.com"]])
    webhook: StrictStr | None = Field(None, examples=["https://example.com/alerts"])


class RuleSettingsBody(WireBody):
    """Our own: what narrows a rule, by type."""

    hours: StrictInt | None = None
    points: StrictInt | None = None
    days: StrictInt | None = None
    data_type: StrictStr | None = None


class RuleBody(WireBody):
    type: StrictStr = Field(description=_TYPES, examples=[_SOME_TYPE])
    company_id: StrictStr | None = Field(None, description="Left out, the rule looks at all companies.")
    company_tag: StrictStr | None = Field(None, description="Our own: only companies with this tag, `key:value`.")
    notifiers: NotifiersBody
    settings: RuleSettingsBody | None = None


class RuleReplacementBody(RuleBody):
    type: StrictStr | None = Field(None, description="A rule keeps its type.")  # type: ignore[assignment]


class NotifiersOut(Wire):
    emails: list[str]
    webhook: str | None = None


class RuleOut(Wire):
    id: str
    type: str = Field(examples=[_SOME_TYPE])
    company_id: str | None = None
    company_tag: str | None = None
    notifiers: NotifiersOut
    settings: dict[str, Any] | None = None


class RulesOut(PageOut):
    results: list[RuleOut]


class AlertOut(Wire):
    """One alert. `data` depends on the type, and is what the webhook told."""

    id: str
    alert_id: str
    rule_id: str
    rule_type: str = Field(examples=[_SOME_TYPE])
    client_id: str
    client_name: str
    company_id: str | None = None
    company_name: str | None = None
    data_connection_id: str | None = None
    message: str
    data: dict[str, Any]
    raised_on_utc: str


class AlertsOut(PageOut):
    results: list[AlertOut]


RULE = Fields(
    "Rule",
    {
        "id": Property(UUID, F("id")),
        "type": Property(TEXT, F("wire_type")),
        "companyId": Property(UUID, F("company_id")),
        "companyTag": Property(TEXT, F("company_tag")),
        "notifiers.webhook": Property(TEXT, F("webhook_url")),
    },
)
ALERT = Fields(
    "Alert",
    {
        "id": Property(UUID, F("id")),
        "alertId": Property(UUID, F("id")),
        "ruleId": Property(UUID, F("rule_id")),
        "ruleType": Property(TEXT, F("rule_type")),
        "companyId": Property(UUID, F("company_id")),
        "companyName": Property(TEXT, F("company__name")),
        "dataConnectionId": Property(UUID, F("connection_id")),
        "message": Property(TEXT, F("message")),
        "raisedOnUtc": Property(DATE, F("raised_at")),
    },
)
