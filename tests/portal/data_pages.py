"""What the tests of the data pages share: someone signed in, a look at the elements of a page, platforms of our own."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from portal.models import Role
from syncengine.connectors import registry
from syncengine.connectors.platforms import Platform, TypeSupport
from tests.factories import make_user

HOSTILE = '<script>alert("x")</script>&\'"{{ 7|add:7 }}'
HTMX = {"HX-Request": "true"}


def sign_in(role: Role = Role.ADMINISTRATOR, **fields: Any) -> Client:
    client = Client()
    client.force_login(make_user(f"{role}@example.com", role, **fields))
    return client


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Page:
    """An answer's HTML, to look into by element and by visible words."""

    def __init__(self, response: Any) -> None:
        self.status = response.status_code
        parser = _Page()
        parser.feed(response.content.decode())
        self.elements = parser.elements
        self.text = re.sub(r"\s+", " ", " ".join(parser.words))

    def find(self, tag: str = "", **attributes: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element with this tag and these attributes (`data_tone` is data-tone)."""
        wanted = {name.strip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            found
            for name, found in self.elements
            if (not tag or name == tag) and all(found.get(key) == value for key, value in wanted.items())
        ]

    def links(self) -> list[str]:
        return [found["href"] or "" for found in self.find("a")]


def get(client: Client, url: str, status: int = 200, **headers: str) -> Page:
    response = client.get(url, headers=headers)
    assert response.status_code == status, response.content[:500]
    return Page(response)


def use_platforms(monkeypatch: pytest.MonkeyPatch, *platforms: Platform) -> None:
    monkeypatch.setattr(registry, "platforms", lambda: {one.key: one for one in platforms})


def platform(key: str = "mqjo", name: str = "Sandbox", **fields: Any) -> Platform:
    usual = {kind: TypeSupport(kind, endpoint=f"/{kind}") for kind in ("invoices", "customers", "profitAndLoss")}
    types = fields.pop("types", usual)
    return Platform(key, name, "Accounting", fields.pop("auth", "oauth2"), types, **fields)
