"""Which page of the portal an alert leads to. A feature registers the pages of what it knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from portal.models.alert import Alert
from syncengine.ids import as_uuid

# Member of an alert's data → (name of the page, what its button says); the first that an alert has counts.
_pages: dict[str, tuple[str, str]] = {
    "datasetId": ("dataset-detail", "See the read"),
    "webhookId": ("webhook-detail", "See the endpoint"),
}


def register_alert_page(member: str, url_name: str, button: str) -> None:
    """Have alerts whose data holds this member lead to this page, which takes the member's value."""
    _pages[member] = (url_name, button)


def page_of(alert: Alert) -> tuple[str, str]:
    """Return the whole address and the words of the button. An example that is no alert leads to where rules stand."""
    if alert._state.adding:
        return whole("alerting"), "Open alerting"
    for member, (name, button) in _pages.items():
        if key := as_uuid(str(alert.data.get(member))):
            return whole(name, key), button
    if alert.company_id:
        return whole("company-detail", alert.company_id), "See the company"
    return whole("alert-detail", alert.pk), "See the alert"


def whole(name: str, *arguments: Any) -> str:
    """Return the whole address of a page, as a mail needs it."""
    return f"{settings.HEADRACE_PORTAL_URL}{reverse(name, args=arguments)}"
