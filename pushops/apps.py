from django.apps import AppConfig


class PushOpsConfig(AppConfig):
    name = "pushops"
    verbose_name = "Push operations"

    def ready(self) -> None:
        from portal import registers
        from portal.alerting.alert_pages import register_alert_page

        for name in ("push_models", "push_operations", "pushing", "attachments"):
            registers.register_api_router(f"pushops.api.{name}.router")
        registers.register_navigation("Push", "push-list", "push", 46, may="push.view")
        registers.register_company_tab("Push", "company-push-list", 30, may="push.view")
        registers.register_attention("pushops.push_page.attention_items")
        registers.register_record_actions("pushops.record_actions.record_actions")
        register_alert_page("pushOperationKey", "push-detail", "See the push operation")
        registers.register_demo("pushops.demo.push_accounts")
