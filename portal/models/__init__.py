from portal.models.api_key import ApiKey, ApiKeySecret, CompanyAccessToken
from portal.models.api_traffic import ApiUsage, IdempotentAnswer
from portal.models.deployment_settings import DeploymentSettings
from portal.models.user import Role, User
from portal.models.webhook import WebhookAttempt, WebhookConsumer, WebhookMessage, ZapierKey

__all__ = [
    "ApiKey",
    "ApiKeySecret",
    "ApiUsage",
    "CompanyAccessToken",
    "DeploymentSettings",
    "IdempotentAnswer",
    "Role",
    "User",
    "WebhookAttempt",
    "WebhookConsumer",
    "WebhookMessage",
    "ZapierKey",
]
