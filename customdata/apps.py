from django.apps import AppConfig


class CustomDataConfig(AppConfig):
    name = "customdata"
    verbose_name = "Custom data"
