"""The shell's own entries in its registers."""

from portal.models import DeploymentSettings, WebhookConsumer
from portal.registers import register_api_router, register_attention, register_company_tab, register_navigation
from syncengine.actions.keys import register_sealed

API_ROUTERS = (
    "companies",
    "connections",
    "integrations",
    "refresh",
    "history",
    "sync_settings",
    "products",
    "access_tokens",
    "profile",
    "api_keys",
    "cors_settings",
    "metrics",
    "webhooks",
    "rules",
    "data_records",
    "data_statements",
    "data_files",
)


def register() -> None:
    register_navigation("Overview", "overview", "overview", 10)
    register_navigation("Companies", "company-list", "companies", 20, may="companies.view")
    register_navigation("Data history", "dataset-list", "history", 30, may="data.view")
    register_navigation("Data types", "sync-settings", "types", 40, may="sync_settings.view")
    register_navigation("Integrations", "integration-list", "integrations", 50, may="integrations.view")
    register_navigation("Incidents", "incident-list", "incidents", 55, may="incidents.view")
    register_navigation("Alerting", "alerting", "alerting", 57, may="rules.view")
    register_navigation("Webhooks", "webhook-list", "webhooks", 60, may="webhooks.view")
    register_navigation("API keys", "api-key-list", "key", 80, may="api_keys.edit")
    register_navigation("Organisation", "organisation", "organisation", 90, may="profile.edit")
    register_company_tab("Overview", "company-detail", 10)
    register_company_tab("Data history", "company-dataset-list", 20, may="data.view")
    register_company_tab("Settings", "company-sync-settings", 90, may="sync_settings.view")
    register_attention("portal.incident_page.open_incidents")
    register_attention("portal.attention.deauthorized")
    register_attention("portal.attention.failing")
    register_attention("portal.attention.lapsing")
    register_attention("portal.webhook_page.endpoints_off")
    for name in API_ROUTERS:
        register_api_router(f"portal.api.{name}.router")
    register_sealed(DeploymentSettings, "alert_auth_header")
    for column in ("secret", "previous_secret", "headers"):
        register_sealed(WebhookConsumer, column)
