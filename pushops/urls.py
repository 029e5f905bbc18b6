from django.urls import path

from pushops.views import push_choose, push_detail, push_history, push_records, push_write

urlpatterns = [
    path("push/", push_history.push_list, name="push-list"),
    path("push/<uuid:push_key>/", push_detail.push_detail, name="push-detail"),
    path("push/<uuid:push_key>/edit/", push_write.push_edit, name="push-edit"),
    path("push/<uuid:push_key>/retry/", push_detail.push_retry, name="push-retry"),
    path("push/<uuid:push_key>/retry-all/", push_detail.push_retry_all, name="push-retry-all"),
    path("push/<uuid:push_key>/extend/", push_detail.push_extend, name="push-extend"),
    path("push/<uuid:push_key>/discard/", push_detail.push_discard, name="push-discard"),
    path("push/<uuid:push_key>/settle/", push_detail.push_settle, name="push-settle"),
    path("push/<uuid:push_key>/refresh/", push_detail.push_refresh, name="push-refresh"),
    path("companies/<uuid:company_id>/push/", push_history.company_push_list, name="company-push-list"),
    path("companies/<uuid:company_id>/push/new/", push_choose.push_choose, name="push-choose"),
    path("connections/<uuid:connection_id>/push/<str:data_type>/new/", push_write.push_create, name="push-create"),
    path("connections/<uuid:connection_id>/push/<str:data_type>/update/", push_write.push_update, name="push-update"),
    path("connections/<uuid:connection_id>/push/<str:data_type>/delete/", push_records.push_delete, name="push-delete"),
    path("connections/<uuid:connection_id>/push/<str:data_type>/upload/", push_records.push_upload, name="push-upload"),
]
