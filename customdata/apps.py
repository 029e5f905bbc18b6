from django.apps import AppConfig


class CustomDataConfig(AppConfig):
    name = "customdata"
    verbose_name = "Custom data"

    def ready(self) -> None:
        from customdata import raw_records, reader
        from portal.registers import register_api_router

        reader.register()
        raw_records.register()
        for name in ("custom_data_types", "custom_data_records"):
            register_api_router(f"customdata.api.{name}.router")
