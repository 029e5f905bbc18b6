from django.apps import AppConfig


class CustomDataConfig(AppConfig):
    name = "customdata"
    verbose_name = "Custom data"

    def ready(self) -> None:
        from customdata import raw_records, reader

        reader.register()
        raw_records.register()
