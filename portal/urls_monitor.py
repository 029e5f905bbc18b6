from django.urls import path

from portal.views import webhook_messages, webhooks

urlpatterns = [
    path("monitor/webhooks/", webhooks.webhook_list, name="webhook-list"),
    path("monitor/webhooks/new/", webhooks.webhook_create, name="webhook-create"),
    path("monitor/webhooks/events/", webhooks.webhook_catalogue, name="webhook-catalogue"),
    path("monitor/webhooks/events/<str:name>/", webhooks.webhook_catalogue_type, name="webhook-catalogue-type"),
    path("monitor/webhooks/deliveries/", webhook_messages.webhook_message_list, name="webhook-message-list"),
    path(
        "monitor/webhooks/deliveries/resend/",
        webhook_messages.webhook_message_resend_selected,
        name="webhook-message-resend-selected",
    ),
    path(
        "monitor/webhooks/deliveries/<str:message_id>/",
        webhook_messages.webhook_message_detail,
        name="webhook-message-detail",
    ),
    path(
        "monitor/webhooks/deliveries/<str:message_id>/resend/",
        webhook_messages.webhook_message_resend,
        name="webhook-message-resend",
    ),
    path("monitor/webhooks/<uuid:consumer_id>/", webhooks.webhook_detail, name="webhook-detail"),
    path("monitor/webhooks/<uuid:consumer_id>/edit/", webhooks.webhook_edit, name="webhook-edit"),
    path("monitor/webhooks/<uuid:consumer_id>/headers/", webhooks.webhook_headers, name="webhook-headers"),
    path("monitor/webhooks/<uuid:consumer_id>/secret/", webhooks.webhook_secret, name="webhook-secret"),
    path("monitor/webhooks/<uuid:consumer_id>/rotate/", webhooks.webhook_rotate, name="webhook-rotate"),
    path("monitor/webhooks/<uuid:consumer_id>/pause/", webhooks.webhook_pause, name="webhook-pause"),
    path("monitor/webhooks/<uuid:consumer_id>/enable/", webhooks.webhook_enable, name="webhook-enable"),
    path("monitor/webhooks/<uuid:consumer_id>/delete/", webhooks.webhook_delete, name="webhook-delete"),
    path("monitor/webhooks/<uuid:consumer_id>/recover/", webhook_messages.webhook_recover, name="webhook-recover"),
    path("monitor/webhooks/<uuid:consumer_id>/replay/", webhook_messages.webhook_replay, name="webhook-replay"),
    path("monitor/webhooks/<uuid:consumer_id>/example/", webhook_messages.webhook_example, name="webhook-example"),
]
