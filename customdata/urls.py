from django.urls import path

from customdata.views import custom_data_form, custom_data_types, custom_fields, field_mappings

urlpatterns = [
    path("custom-data/", custom_data_types.custom_data_list, name="custom-data-list"),
    path("custom-data/new/", custom_data_form.custom_data_create, name="custom-data-create"),
    path(
        "custom-data/<slug:platform_key>/<str:identifier>/",
        custom_data_types.custom_data_detail,
        name="custom-data-detail",
    ),
    path(
        "custom-data/<slug:platform_key>/<str:identifier>/edit/",
        custom_data_form.custom_data_edit,
        name="custom-data-edit",
    ),
    path(
        "custom-data/<slug:platform_key>/<str:identifier>/read/",
        custom_data_types.custom_data_read,
        name="custom-data-read",
    ),
    path(
        "custom-data/<slug:platform_key>/<str:identifier>/schedule/",
        custom_data_types.custom_data_schedule,
        name="custom-data-schedule",
    ),
    path(
        "custom-data/<slug:platform_key>/<str:identifier>/delete/",
        custom_data_types.custom_data_delete,
        name="custom-data-delete",
    ),
    path("custom-fields/", custom_fields.custom_field_list, name="custom-field-list"),
    path("custom-fields/new/", custom_fields.custom_field_create, name="custom-field-create"),
    path("custom-fields/<uuid:field_id>/", custom_fields.custom_field_detail, name="custom-field-detail"),
    path("custom-fields/<uuid:field_id>/edit/", custom_fields.custom_field_edit, name="custom-field-edit"),
    path("custom-fields/<uuid:field_id>/delete/", custom_fields.custom_field_delete, name="custom-field-delete"),
    path("custom-fields/<uuid:field_id>/restore/", custom_fields.custom_field_restore, name="custom-field-restore"),
    path("custom-fields/<uuid:field_id>/history/", field_mappings.field_history, name="custom-field-history"),
    path(
        "custom-fields/<uuid:field_id>/history/<uuid:change_id>/restore/",
        field_mappings.field_change_restore,
        name="custom-field-change-restore",
    ),
    path(
        "custom-fields/<uuid:field_id>/integrations/<slug:platform_key>/",
        field_mappings.field_map_integration,
        name="custom-field-map-integration",
    ),
    path(
        "custom-fields/<uuid:field_id>/connections/<uuid:connection_id>/",
        field_mappings.field_map_connection,
        name="custom-field-map-connection",
    ),
    path(
        "custom-fields/mappings/<uuid:mapping_id>/promote/",
        field_mappings.field_mapping_promote,
        name="custom-field-mapping-promote",
    ),
    path(
        "custom-fields/mappings/<uuid:mapping_id>/delete/",
        field_mappings.field_mapping_delete,
        name="custom-field-mapping-delete",
    ),
]
