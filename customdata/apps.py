from django.apps import AppConfig


class CustomDataConfig(AppConfig):
    name = "customdata"
    verbose_name = "Custom data"

    def ready(self) -> None:
        from customdata import raw_records, reader, supplementing
        from customdata.actions.purging import purge
        from portal.registers import register_api_router, register_demo, register_navigation, register_record_extras
        from syncengine.plans import register_purge

        reader.register()
        raw_records.register()
        supplementing.register()
        register_purge(purge)
        for name in ("custom_data_types", "custom_data_records", "supplemental_data"):
            register_api_router(f"customdata.api.{name}.router")
        for name in ("field_lookups", "custom_fields", "field_mappings", "field_values"):
            register_api_router(f"customdata.api.{name}.router", dialect="customdata.api.dialect.DIALECT")
        register_record_extras("customdata.api.record_extras.RECORD_EXTRAS")
        register_navigation("Custom data", "custom-data-list", "custom-data", 42, may="custom_data.view")
        register_navigation("Custom fields", "custom-field-list", "custom-fields", 44, may="custom_fields.view")
        register_demo("customdata.demo.load")
