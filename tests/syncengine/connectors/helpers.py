"""A small manifest to vary, and a plain HTTP client in the place of the outbound session."""

from __future__ import annotations

import http.client
import json as json_module
from urllib.parse import urlencode, urlsplit

from syncengine.connectors.base import HttpAnswer
from syncengine.connectors.manifest import Manifest, parse_manifest
from syncengine.connectors.rest import RestConnector
from syncengine.exceptions import SourceRefused, SourceUnavailable

HEAD = """
key = "demo"
name = "Demo Books"
source_type = "Accounting"
base_url = "{base_url}/api"

[[connection_fields]]
name = "base_url"
label = "Address"
kind = "url"

[auth]
kind = "none"
"""

CUSTOMERS = """
[types.customers]
endpoint = "/customers"
records = "data"
key = "id"

[types.customers.fields]
customerName = "name"
status = { constant = "Active" }
"""


def make_manifest(*parts: str) -> Manifest:
    return parse_manifest("\n".join(parts) if parts else HEAD + CUSTOMERS, "demo.toml")


def make_connector(*parts: str) -> RestConnector:
    return RestConnector(make_manifest(*parts))


class PlainHttp:
    """Implements connectors.base.Http towards loopback. `sent` holds (method, path with query, headers, body)."""

    def __init__(self) -> None:
        self.sent = []

    def request(self, method, url, *, params=(), headers=None, json=None, form=None, accept=()):
        parts = urlsplit(url)
        query = "&".join(filter(None, [parts.query, urlencode(params)]))
        target = (parts.path or "/") + (f"?{query}" if query else "")
        body = urlencode(form) if form is not None else json_module.dumps(json) if json is not None else None
        sent = dict(headers or {})
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        self.sent.append((method, target, sent, body))
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        try:
            connection.request(method, target, body=body, headers=sent)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if not 200 <= answer.status < 300 and answer.status not in accept:
            kind = SourceUnavailable if answer.status >= 500 else SourceRefused
            raise kind(f"{answer.status}", status_code=answer.status)
        return HttpAnswer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content, url_of(url, query))


def url_of(url, query):
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}" + (f"?{query}" if query else "")
