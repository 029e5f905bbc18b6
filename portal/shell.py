"""The shell's own entries in its registers."""

from portal.registers import register_api_router, register_attention, register_company_tab, register_navigation


def register() -> None:
    register_navigation("Overview", "overview", "overview", 10)
    register_navigation("Companies", "company-list", "companies", 20, may="companies.view")
    register_navigation("Data history", "dataset-list", "history", 30, may="data.view")
    register_navigation("Data types", "sync-settings", "types", 40, may="sync_settings.view")
    register_navigation("Integrations", "integration-list", "integrations", 50, may="integrations.view")
    register_company_tab("Overview", "company-detail", 10)
    register_company_tab("Data history", "company-dataset-list", 20, may="data.view")
    register_company_tab("Settings", "company-sync-settings", 90, may="sync_settings.view")
    register_attention("portal.attention.deauthorized")
    register_attention("portal.attention.failing")
    register_attention("portal.attention.lapsing")
    register_api_router("portal.api.companies.router")
