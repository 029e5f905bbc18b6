"""What nobody should send: one refusal, in one form, and nothing changed."""

from __future__ import annotations

from typing import Any

import pytest

from portal.models import ApiKey, DeploymentSettings
from syncengine.models import Company, Connection, Dataset, SyncSetting
from tests.factories import make_company, make_connection
from tests.portal.api.answers import refused

pytestmark = pytest.mark.django_db

WITH_BODY = [
    ("POST", "/companies"),
    ("PUT", "/companies/{company}"),
    ("PATCH", "/companies/{company}"),
    ("POST", "/companies/{company}/connections"),
    ("PATCH", "/companies/{company}/connections/{connection}"),
    ("PUT", "/companies/{company}/connections/{connection}/authorization"),
    ("POST", "/companies/{company}/syncSettings"),
    ("POST", "/companies/{company}/products/own/refresh"),
    ("POST", "/profile/syncSettings"),
    ("PUT", "/profile"),
    ("POST", "/corsSettings"),
    ("POST", "/apiKeys"),
]
NOT_JSON = [
    b"{",
    b'{"name": "A",}',
    b"\xff\xfe",
    b'{"name": "\xed\xa0\x80"}',
    b'{"name": "\\ud800"}',
    b'{"name": NaN}',
    b'{"name": "A\\u0000"}',
    b"[" * 100_000,
    b'{"name": "A"} {"name": "B"}',
    b"<company/>",
]
NO_OBJECT = [b"[]", b'"text"', b"5", b"true", b"[[]]", b'[{"name": "A"}]']


@pytest.fixture
def ids(db):
    connection = make_connection(make_company("Acme", products=["own"]))
    return {"company": connection.company_id, "connection": connection.pk}


def contents() -> list[Any]:
    models = (Company, Connection, Dataset, SyncSetting, ApiKey, DeploymentSettings)
    return [
        [{name: value for name, value in row.items() if name != "last_used_at"} for row in model.objects.values()]
        for model in models
    ]


@pytest.mark.parametrize("raw", [*NOT_JSON, *NO_OBJECT], ids=lambda raw: repr(raw[:20]))
@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_a_body_that_is_no_json_object_is_a_400(wire, ids, method, path, raw):
    DeploymentSettings.load()
    before = contents()
    assert refused(wire(method, path.format(**ids), raw=raw))[0] == 400
    assert contents() == before


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_a_huge_body_is_a_413(wire, ids, settings, method, path):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    DeploymentSettings.load()
    before = contents()
    assert refused(wire(method, path.format(**ids), {"name": "x" * 2000}))[0] == 413
    assert contents() == before


@pytest.mark.parametrize(
    "name",
    ["nonsense", "..", "%2e%2e%2f", "' OR 1=1 --", "%00", "9" * 500, "😀", "{company_id}", "0x1f"],
)
@pytest.mark.parametrize("more", ["", "/connections", "/dataStatus", "/data/history", "/syncSettings"])
def test_an_id_that_is_none_is_a_404_or_refused(wire, name, more):
    status, _ = refused(wire.get(f"/companies/{name}{more}"))
    assert status == (400 if name == "%00" else 404)


HOSTILE = ["\u0000", "x" * 20_000, "' OR 1=1 --", "${jndi:ldap://x}", "\u00ff\u00fe", "<script>", "%s%n"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
@pytest.mark.parametrize("header", ["User-Agent", "Accept", "Accept-Language", "X-Correlation-Id", "If-None-Match"])
def test_hostile_headers_change_nothing(wire, ids, header, text):
    path = f"/companies/{ids['company']}/dataStatus"
    expected = wire.get(path).content
    response = wire.get(path, **{header: text})
    assert (response.status_code, response.content) == (200, expected)


@pytest.mark.parametrize("asked", ["page=x", "page=-1", "page=1e3", "pageSize=0", "page=" + "9" * 400])
@pytest.mark.parametrize("path", ["/companies", "/companies/{company}/connections", "/integrations"])
def test_pages_are_whole_numbers(wire, ids, path, asked):
    assert refused(wire.get(f"{path.format(**ids)}?{asked}"))[0] == 400


@pytest.mark.parametrize(
    "path", ["/companies", "/companies/{company}/data/history", "/companies/{company}/connections"]
)
def test_a_query_may_be_2048_characters_long_and_no_longer(wire, ids, path):
    longest = "id=" + "a" * 2045
    assert wire.get(f"{path.format(**ids)}?query={longest[:-1]}").status_code == 200
    assert refused(wire.get(f"{path.format(**ids)}?query={longest}a")) == (
        400,
        "Error parsing query - Malformed query.",
    )
