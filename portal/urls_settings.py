from django.urls import path

from portal.views import api_keys, organisation

urlpatterns = [
    path("developers/api-keys/", api_keys.api_key_list, name="api-key-list"),
    path("developers/api-keys/new/", api_keys.api_key_create, name="api-key-create"),
    path("developers/api-keys/<uuid:key_id>/rename/", api_keys.api_key_rename, name="api-key-rename"),
    path("developers/api-keys/<uuid:key_id>/rotate/", api_keys.api_key_rotate, name="api-key-rotate"),
    path("developers/api-keys/<uuid:key_id>/revoke/", api_keys.api_key_revoke, name="api-key-revoke"),
    path("settings/organisation/", organisation.organisation, name="organisation"),
    path("settings/organisation/origins/", organisation.organisation_origins, name="organisation-origins"),
]
