from django.contrib import admin
from django.urls import include, path, re_path

from portal.api.connector_door import connector_door
from portal.api.door import door

urlpatterns = [
    re_path(r"^[aA][pP][iI](?:/|\Z)", door, name="api"),  # whatever follows, line breaks too
    path("admin/", admin.site.urls),
    path("connector/<path:what>", connector_door, name="connector-door"),
    path("", include("portal.urls")),
    path("", include("customdata.urls")),
    path("", include("pushops.urls")),
]
handler400 = "portal.views.errors.bad_request"
handler403 = "portal.views.errors.forbidden"
handler404 = "portal.views.errors.not_found"
handler500 = "portal.views.errors.server_error"
