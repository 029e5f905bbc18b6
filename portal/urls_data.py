from django.urls import path

from portal.views import datasets, integrations, offline_platforms, records, sync_settings

urlpatterns = [
    path("data/history/", datasets.dataset_list, name="dataset-list"),
    path("data/history/<uuid:dataset_id>/", datasets.dataset_detail, name="dataset-detail"),
    path("data/history/<uuid:dataset_id>/cancel/", datasets.dataset_cancel, name="dataset-cancel"),
    path("data/history/<uuid:dataset_id>/retry/", datasets.dataset_retry, name="dataset-retry"),
    path("companies/<uuid:company_id>/history/", datasets.company_dataset_list, name="company-dataset-list"),
    path("companies/<uuid:company_id>/data/<path:data_type>/", records.company_record_list, name="company-record-list"),
    path("connections/<uuid:connection_id>/data/<path:data_type>/", records.record_list, name="record-list"),
    path("settings/data-types/", sync_settings.sync_settings, name="sync-settings"),
    path("companies/<uuid:company_id>/settings/", sync_settings.company_sync_settings, name="company-sync-settings"),
    path(
        "companies/<uuid:company_id>/settings/reset/",
        sync_settings.company_sync_settings_reset,
        name="company-sync-settings-reset",
    ),
    path("integrations/", integrations.integration_list, name="integration-list"),
    path("integrations/<slug:key>/", integrations.integration_detail, name="integration-detail"),
    path("integrations/<slug:key>/enabled/", integrations.integration_set_enabled, name="integration-set-enabled"),
    path("integrations/<slug:key>/offline/", offline_platforms.integration_set_offline, name="integration-set-offline"),
    path("integrations/<slug:key>/connector/", offline_platforms.integration_connector, name="integration-connector"),
    path(
        "integrations/<slug:key>/connector/key/",
        offline_platforms.integration_connector_key,
        name="integration-connector-key",
    ),
    path(
        "integrations/<slug:key>/connector/revoke/",
        offline_platforms.integration_connector_revoke,
        name="integration-connector-revoke",
    ),
]
