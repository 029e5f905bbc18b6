from django.apps import AppConfig


class PushOpsConfig(AppConfig):
    name = "pushops"
    verbose_name = "Push operations"
