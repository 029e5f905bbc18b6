from django.urls import include, path

from portal.views import companies, connections, linking, overview, session

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("sign-in/", session.sign_in, name="sign-in"),
    path("sign-out/", session.sign_out, name="sign-out"),
    path("time-zone/", session.choose_time_zone, name="time-zone"),
    path("companies/", companies.company_list, name="company-list"),
    path("companies/new/", companies.company_create, name="company-create"),
    path("companies/<uuid:company_id>/", companies.company_detail, name="company-detail"),
    path("companies/<uuid:company_id>/rename/", companies.company_rename, name="company-rename"),
    path("companies/<uuid:company_id>/delete/", companies.company_delete, name="company-delete"),
    path("companies/<uuid:company_id>/refresh/", companies.company_refresh, name="company-refresh"),
    path("companies/<uuid:company_id>/connect/", connections.connection_choose, name="connection-create"),
    path(
        "companies/<uuid:company_id>/connect/<slug:platform_key>/",
        connections.connection_settings,
        name="connection-settings",
    ),
    path("connections/<uuid:connection_id>/link/", linking.connection_link, name="connection-link"),
    path("connections/<uuid:connection_id>/approve/", linking.connection_approve, name="connection-approve"),
    path("connections/<uuid:connection_id>/unlink/", connections.connection_unlink, name="connection-unlink"),
    path("connections/<uuid:connection_id>/delete/", connections.connection_delete, name="connection-delete"),
    path(
        "connections/<uuid:connection_id>/keep-alive/", connections.connection_keep_alive, name="connection-keep-alive"
    ),
    path("connections/<uuid:connection_id>/refresh/<path:data_type>/", connections.dataset_queue, name="dataset-queue"),
    path("connections/<uuid:connection_id>/stop/<path:data_type>/", connections.dataset_stop, name="dataset-stop"),
    path("link/callback", linking.link_callback, name="link-callback"),
    path("s/<str:token>/", linking.customer_page, name="customer-page"),
    path("s/<str:token>/<uuid:connection_id>/", linking.customer_link, name="customer-link"),
    path("s/<str:token>/<uuid:connection_id>/approve/", linking.customer_approve, name="customer-approve"),
    path("", include("portal.urls_data")),
    path("", include("portal.urls_settings")),
    path("", include("portal.urls_monitor")),
]
