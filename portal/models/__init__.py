from portal.models.alert import Alert
from portal.models.alerting_rule import AlertingRule
from portal.models.api_key import ApiKey, ApiKeySecret, CompanyAccessToken
from portal.models.api_traffic import ApiUsage, IdempotentAnswer
from portal.models.deployment_settings import DeploymentSettings
from portal.models.incident import Incident, IncidentEntry, IncidentMember
from portal.models.maintenance_window import MaintenanceWindow
from portal.models.user import Role, User
from portal.models.webhook import WebhookAttempt, WebhookConsumer, WebhookMessage, ZapierKey

__all__ = [
    "Alert",
    "AlertingRule",
    "ApiKey",
    "ApiKeySecret",
    "ApiUsage",
    "CompanyAccessToken",
    "DeploymentSettings",
    "IdempotentAnswer",
    "Incident",
    "IncidentEntry",
    "IncidentMember",
    "MaintenanceWindow",
    "Role",
    "User",
    "WebhookAttempt",
    "WebhookConsumer",
    "WebhookMessage",
    "ZapierKey",
]
