"""The door: who may come in, and the one form in which everything that goes wrong is told."""

from __future__ import annotations

import gzip
import logging

import brotli
import pytest

from portal.models import DeploymentSettings
from syncengine.models import Company
from tests.factories import make_company


def _problem(response, correlation_id=None):
    body = response.json()
    assert response["Content-Type"] == "application/json; charset=utf-8"
    assert body.pop("correlationId") == response["X-Correlation-Id"] == (correlation_id or response["X-Correlation-Id"])
    return response.status_code, body


def _told(status, message, validation=None):
    return status, {
        "statusCode": status,
        "service": "PublicApi",
        "error": message,
        "validation": validation,
        "canBeRetried": "Unknown",
        "detailedErrorCode": 0,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + "A" * 9000,
        "Bearer nothing",
        "Digest x",
        "Basic bm90IGEga2V5",
        "ключ",
    ],
)
def test_a_request_without_a_good_key_is_refused(wire, header):
    wire.authorization = header
    assert _problem(wire.get("/companies")) == _told(401, "Unauthorized")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/", "", "/companies/x/y/z/a/b", "/companies//connections", "/companies/%0A/x", "/%0Acompanies"],
)
def test_an_unknown_path_is_told_in_the_same_form(wire, path):
    assert _problem(wire.get(path))[0] == 404


def test_a_wrong_method_names_the_right_ones(wire):
    response = wire("PUT", "/companies", {"name": "Acme"})
    assert _problem(response) == _told(405, "Method PUT is not allowed here.")
    assert set(response["Allow"].split(", ")) >= {"POST"}


def test_paths_have_no_case_and_their_last_slash_counts_for_nothing(wire):
    company = make_company()
    expected = wire.get(f"/companies/{company.pk}").content
    for path in (f"/Companies/{company.pk}", f"/COMPANIES/{company.pk}/", f"/companies/{str(company.pk).upper()}"):
        response = wire.get(path)
        assert (response.status_code, response.content) == (200, expected)


def test_a_key_without_the_right_changes_nothing(wire_for):
    response = wire_for("read")("POST", "/companies", {"name": "Acme"})
    assert response.status_code == 403
    assert not Company.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"",
        b"[1]",
        b'{"name": 5}',
        b'{"name": NaN}',
        b'{"name": "a", "tags": {"a": 1}}',
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b"\xff\xfe",
        b'{"name":' + b"[" * 100_000,
        b'{"name": null}',
    ],
)
def test_a_bad_body_changes_nothing(wire, raw):
    status, body = _problem(wire("POST", "/companies", raw=raw))
    assert status == 400
    assert body["error"].startswith("Error processing request - not valid.")
    assert not Company.objects.exists()


def test_a_body_beyond_the_limit_is_refused(wire, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert _problem(wire("POST", "/companies", {"name": "a" * 2000}))[0] == 413
    assert not Company.objects.exists()


def test_a_wrong_member_is_named(wire):
    status, body = _problem(wire("POST", "/companies", {"name": 5}))
    assert (status, body["validation"]) == (
        400,
        {
            "errors": [{"itemId": "name", "message": "Input should be a valid string", "validatorName": "Request"}],
            "warnings": [],
        },
    )


@pytest.mark.parametrize("path", ["/companies/%00", "/companies?query=%00"])
def test_nul_never_reaches_the_database(wire, path):
    assert _problem(wire.get(path))[0] == 400


def test_the_correlation_id_is_the_callers_and_in_the_log(wire, caplog):
    ours = "0123456789abcdef" * 2
    with caplog.at_level(logging.INFO, "headrace.api"):
        response = wire.get("/companies/none", X_Correlation_Id=ours)
    assert _problem(response, ours) == _told(404, "No company was found with ID none")
    assert [ours in record.getMessage() for record in caplog.records] == [True]


def test_a_correlation_id_that_could_forge_a_log_line_is_replaced(wire):
    assert wire.get("/companies/none", X_Correlation_Id="x" * 32)["X-Correlation-Id"] != "x" * 32


def test_a_fault_of_ours_tells_nothing_but_where_to_look(wire, caplog, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("secret words")

    monkeypatch.setattr("portal.api.door.routes", broken)
    response = wire.get("/companies")
    status, body = _problem(response)
    assert (status, "secret" in response.content.decode()) == (500, False)
    assert body["error"] == "Something broke on our side. The log knows it by the correlation id."
    assert any(response["X-Correlation-Id"] in record.getMessage() and record.exc_info for record in caplog.records)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("identity", None),
        ("gzip", "gzip"),
        ("gzip, br", "br"),
        ("gzip;q=1.0, br;q=0.1", "gzip"),
        ("*", "br"),
        ("br;q=0, gzip;q=0", None),
        ("gzip;q=x", None),
        ("", None),
    ],
)
def test_large_answers_are_packed_as_the_client_takes_them(wire, accepted, coding):
    company = make_company(tags={f"key{number}": "v" * 100 for number in range(20)})
    plain = wire.get(f"/companies/{company.pk}").content
    response = wire.get(f"/companies/{company.pk}", Accept_Encoding=accepted)
    unpack = {"gzip": gzip.decompress, "br": brotli.decompress, None: bytes}[coding]
    assert (response.headers.get("Content-Encoding"), unpack(response.content)) == (coding, plain)
    assert "Accept-Encoding" in response["Vary"]


def test_only_listed_origins_may_read(wire):
    DeploymentSettings.objects.update_or_create(pk=1, defaults={"allowed_origins": ["https://app.example.com"]})
    allowed = wire.get("/companies/none", Origin="https://app.example.com")
    assert allowed["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "ETag" in allowed["Access-Control-Expose-Headers"]
    foreign = wire.get("/companies/none", Origin="https://evil.example.com")
    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert "Origin" in foreign["Vary"]


def test_a_browser_may_ask_before_it_sends(wire):
    DeploymentSettings.objects.update_or_create(pk=1, defaults={"allowed_origins": ["https://app.example.com"]})
    wire.authorization = ""
    ask = {"Origin": "https://app.example.com", "Access_Control_Request_Method": "DELETE"}
    response = wire("OPTIONS", "/companies/none", **ask)
    assert response.status_code == 204
    assert "DELETE" in response["Access-Control-Allow-Methods"]
    assert "Authorization" in response["Access-Control-Allow-Headers"]
    refused = wire("OPTIONS", "/companies/none", **{**ask, "Origin": "https://evil.example.com"})
    assert "Access-Control-Allow-Methods" not in refused.headers
