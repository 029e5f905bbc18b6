"""Attachments and PDFs: asked for at the platform over a Linked connection, for records that were read."""

from __future__ import annotations

import pytest

from syncengine.actions.datasets import queue_dataset
from syncengine.models import Connection
from syncengine.run.runner import run_dataset
from syncengine.states import ConnectionStatus, DatasetStatus
from tests.factories import make_connection, make_dataset, make_record

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(lab):
    """A connection of the sandbox of which customers and invoices were read."""
    lab.sizes(invoices=8)
    connection = lab.connection()
    for data_type in ("customers", "invoices"):
        dataset = queue_dataset(connection, data_type, actor="test")
        run_dataset(dataset.pk)
        dataset.refresh_from_db()
        assert dataset.status == DatasetStatus.COMPLETE, dataset.error_message
    return connection


def _place(connection):
    return f"/companies/{connection.company_id}/connections/{connection.pk}/data"


def _with_files(wire, connection):
    """Return the id of an invoice that has attachments, and those."""
    for row in wire.get(f"{_place(connection)}/invoices").json()["results"]:
        found = wire.get(f"{_place(connection)}/invoices/{row['id']}/attachments").json()["attachments"]
        if found:
            return row["id"], found
    raise AssertionError("no invoice has a file")


def _problem(response):
    return response.status_code, response.json()["error"]


def test_attachments_are_listed_looked_at_and_downloaded(wire, books):
    invoice, found = _with_files(wire, books)
    place = f"{_place(books)}/Invoices/{invoice}/Attachments"
    first = found[0]
    assert {"id", "name", "contentType", "fileSize"} <= set(first)
    assert wire.get(f"{place}/{first['id']}/").json() == first
    file = wire.get(f"{place}/{first['id']}/download")
    assert (file.status_code, file["Content-Type"]) == (200, "application/octet-stream")
    assert len(file.content) == first["fileSize"]
    assert file["Content-Disposition"].startswith("attachment; filename")


def test_an_invoice_is_had_as_a_pdf(wire, books):
    invoice = wire.get(f"{_place(books)}/invoices").json()["results"][0]["id"]
    for place in (_place(books), f"/companies/{books.company_id}/data"):
        file = wire.get(f"{place}/invoices/{invoice}/pdf")
        assert (file.status_code, file["Content-Type"], file.content[:5]) == (200, "application/pdf", b"%PDF-")


def test_what_was_not_read_is_not_asked_for(wire, books, lab):
    lab.control("DELETE", "requests")
    asked = {
        "invoices/none/attachments": (404, "No data available for invoices for ID none"),
        "invoices/none/pdf": (404, "No data available for invoices for ID none"),
        "bills/x/attachments": (409, "The data set has not been requested."),
        "items/x/attachments": (404, "Not found: the API has no such path."),
        "customers/x/pdf": (404, "Not found: the API has no such path."),
    }
    answers = {path: _problem(wire.get(f"{_place(books)}/{path}")) for path in asked}
    assert answers == asked
    assert lab.requests("/files") + lab.requests("/pdf") == []


def test_an_unknown_file_is_not_found(wire, books):
    invoice, _ = _with_files(wire, books)
    place = f"{_place(books)}/invoices/{invoice}/attachments"
    for path in (f"{place}/none", f"{place}/none/download"):
        assert _problem(wire.get(path)) == (404, "No data available for attachments for ID none")


@pytest.mark.parametrize("status", [ConnectionStatus.UNLINKED, ConnectionStatus.DEAUTHORIZED])
def test_files_need_a_linked_connection(wire, books, lab, status):
    invoice = wire.get(f"{_place(books)}/invoices").json()["results"][0]["id"]
    Connection.objects.filter(pk=books.pk).update(status=status)
    lab.control("DELETE", "requests")
    assert _problem(wire.get(f"{_place(books)}/invoices/{invoice}/attachments")) == (
        409,
        f"Data connection {books.pk} is {status}; only a Linked one can be read.",
    )
    assert lab.requests("/files") == []


def test_the_platforms_own_trouble_is_told_as_such(wire, books, lab):
    invoice = wire.get(f"{_place(books)}/invoices").json()["results"][0]["id"]
    path = f"{_place(books)}/invoices/{invoice}/attachments"
    for fault, members, status, retry in (
        ("error", {"status": 500}, 503, "True"),
        ("forbidden", {}, 403, "Unknown"),
        ("html", {}, 503, "False"),
        ("too-many", {"retry_after": 30}, 429, "True"),
    ):
        lab.fault(fault, **members)
        response = wire.get(path)
        body = response.json()
        assert (response.status_code, body["statusCode"], body["service"], body["canBeRetried"]) == (
            status, status, "Sandbox", retry,
        )  # fmt: skip
        lab.clear_faults()
    assert 1 <= int(response["Retry-After"]) <= 31


def test_an_ended_token_is_refreshed_once(wire, books, lab):
    lab.fault("unauthorized", times=1)
    invoice = wire.get(f"{_place(books)}/invoices").json()["results"][0]["id"]
    assert wire.get(f"{_place(books)}/invoices/{invoice}/attachments").status_code == 200
    assert len(lab.requests("/files")) == 2


def test_an_authorisation_that_is_gone_takes_the_connection_along(wire, books, lab):
    invoice = wire.get(f"{_place(books)}/invoices").json()["results"][0]["id"]
    lab.fault("unauthorized")
    lab.fault("invalid-grant", type="oauth-token")
    assert wire.get(f"{_place(books)}/invoices/{invoice}/attachments").status_code == 409
    books.refresh_from_db()
    assert books.status == ConnectionStatus.DEAUTHORIZED
    assert wire.get(f"{_place(books)}/invoices")["X-Data-Stale-Reason"] == "not-linked"


def test_an_id_with_slashes_has_files_too(wire, monkeypatch):
    """The path arrives decoded, so `a%2Fb/attachments` looks like a record of that name."""
    connection = make_connection(status=ConnectionStatus.UNLINKED)
    make_dataset(connection, status=DatasetStatus.COMPLETE)
    make_record(connection, "a/b")
    for rest in ("attachments", "attachments/f", "attachments/f/download", "pdf"):
        assert wire.get(f"{_place(connection)}/invoices/a%2Fb/{rest}").status_code == 409
    assert wire.get(f"{_place(connection)}/invoices/a%2Fc/attachments").status_code == 404
