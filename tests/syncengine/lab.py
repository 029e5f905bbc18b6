"""The sandbox as tests use it: the real server, its switches, and connections already linked to it."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from syncengine.actions.integrations import install_integrations
from syncengine.actions.sync_settings import install_sync_settings
from syncengine.models import Company, Connection, Integration
from syncengine.sandbox.businesses import BUSINESSES
from syncengine.sandbox.server import RunningSandbox
from syncengine.secrets import seal
from tests.factories import make_connection, make_integration

KEY = "tests"
BUSINESS = next(iter(BUSINESSES))


def installed(running: RunningSandbox, settings: Any, portal_url: str) -> Lab:
    """Set this deployment up as `make up` does: the catalogue, the sandbox allowed and reset, nothing linked."""
    settings.HEADRACE_PORTAL_URL = portal_url
    lab = Lab(running)
    lab.control("POST", "reset")
    settings.HEADRACE_OUTBOUND_ALLOW = [lab.place]
    install_integrations()
    install_sync_settings()
    lab.integration()
    return lab


class Lab:
    def __init__(self, running: RunningSandbox) -> None:
        self.url = running.url
        self.place = running.url.removeprefix("http://")

    def integration(self) -> Integration:
        integration = make_integration("mqjo", settings={"base_url": self.url})
        integration.settings = {"base_url": self.url}
        integration.client = seal(integration, "client", {"client_id": "headrace", "client_secret": "headrace-sandbox"})
        integration.save()
        return integration

    def connection(self, company: Company | None = None, business: str = BUSINESS) -> Connection:
        """A connection with a real grant of that business, as linking would leave it."""
        grant = self.control("POST", f"businesses/{business}/grants")
        return make_connection(
            company,
            integration=self.integration(),
            secret={"access_token": grant["access_token"], "refresh_token": grant["refresh_token"]},
            credentials_expire_at=now() + timedelta(seconds=grant["expires_in"]),
        )

    def fault(self, fault: str, **members: Any) -> None:
        self.control("POST", "faults", {"fault": fault, **members})

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def sizes(self, business: str = BUSINESS, **sizes: int) -> None:
        self.control("PUT", f"businesses/{business}/sizes", sizes)

    def requests(self, part: str = "") -> list[dict[str, Any]]:
        """What the platform was asked, oldest first; those whose path holds `part`."""
        return [request for request in self.control("GET", "requests") if part in request["path"]]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_control/{path}",
            None if body is None else json.dumps(body).encode(),
            {"X-Control-Key": KEY, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())
