"""The key: asked for by us, approved and cancelled by a person at the real server."""

from __future__ import annotations

import pytest

from syncengine.connectors.base import Credentials
from syncengine.exceptions import AuthExpired, PrerequisiteMissing, SourceRefused, SourceUnavailable
from syncengine.outbound import Session
from tests.tryton import lab
from tests.tryton.reading import Reader, link


def begin(reader):
    with Session() as http:
        return reader.connector.start_link(
            settings=reader.settings, client={}, state="s", redirect_uri="http://portal/", http=http
        )


def finish(reader, pending):
    with Session() as http:
        return reader.connector.finish_link(
            settings=reader.settings,
            client={},
            pending=pending,
            answer={},
            redirect_uri="http://portal/",
            http=http,
        )


def applications(person):
    return person.all("res.user.application", ["key", "state"])


def test_a_key_works_from_its_approval_to_its_end(tryton, person):
    reader = Reader(tryton, "")
    start = begin(reader)
    key = start.pending["key"]

    assert start.url == ""
    assert start.instruct.startswith("Sign in to Tryton (database books) as admin, open Preferences")
    assert key not in repr(start)
    assert [row["state"] for row in applications(person) if row["key"] == key] == ["requested"]

    with pytest.raises(AuthExpired) as waiting:
        finish(reader, start.pending)
    assert waiting.value.headline.startswith("The key is not approved in Tryton yet.")

    person.approve(key)
    assert finish(reader, start.pending) == Credentials(secret={"key": key})
    reader.credentials = Credentials(secret={"key": key})
    assert reader.read("company").records

    person.revoke(key)
    with pytest.raises(AuthExpired) as revoked:
        reader.read("company")
    assert revoked.value.status_code == 401
    assert "was cancelled there" in revoked.value.headline


def test_there_is_nothing_to_refresh(tryton):
    reader = Reader(tryton, "k")

    with pytest.raises(AuthExpired), Session() as http:
        reader.connector.refresh(reader.credentials, settings=reader.settings, http=http)


def test_unlinking_deletes_the_key_at_tryton_and_may_be_repeated(tryton, person):
    reader = link(tryton, person)
    key = reader.credentials.secret["key"]

    for _ in range(2):
        with Session() as http:
            reader.connector.unlink(reader.credentials, settings=reader.settings, http=http)
        assert key not in [row["key"] for row in applications(person)]
    with pytest.raises(AuthExpired):
        reader.read("company")


def test_a_withdrawn_request_makes_room_for_the_next(tryton, person):
    """Tryton keeps one request open for each user; a key asked for meanwhile never works."""
    reader = Reader(tryton, "")
    first, dead = begin(reader), begin(reader)
    keys = [row["key"] for row in applications(person)]
    assert (first.pending["key"] in keys, dead.pending["key"] in keys) == (True, False)

    with Session() as http:
        reader.connector.unlink(Credentials(secret=first.pending), settings=reader.settings, http=http)
    alive = begin(reader)
    person.approve(alive.pending["key"])
    assert finish(reader, alive.pending).secret == alive.pending
    with Session() as http:
        reader.connector.unlink(Credentials(secret=alive.pending), settings=reader.settings, http=http)


def test_a_wrong_database_is_named(tryton):
    with pytest.raises(SourceRefused) as refusal:
        begin(Reader(tryton, "", database="elsewhere"))
    assert refusal.value.headline == (
        f"{tryton.url} knows no Tryton database “elsewhere”. Check the address and the database name."
    )


def test_a_server_that_is_not_there(tryton, settings):
    port = lab.free_port()
    settings.HEADRACE_OUTBOUND_ALLOW = [f"127.0.0.1:{port}"]

    with pytest.raises(SourceUnavailable):
        begin(Reader(tryton, "", base_url=f"http://127.0.0.1:{port}"))


def test_which_of_two_companies_must_be_said(tryton, person):
    """The last test here: from now on the books hold a second company."""
    owner = person.do("party.party.create", [{"name": "Second Quay SA"}])[0]
    currency = person.one("currency.currency")
    second = person.do("company.company.create", [{"party": owner, "currency": currency}])[0]
    person.do("res.user.write", [person.one("res.user", ["login", "=", "admin"])], {"companies": [["add", [second]]]})
    first = person.context["company"]

    reader = Reader(tryton, "")
    start = begin(reader)
    person.approve(start.pending["key"])
    with pytest.raises(PrerequisiteMissing) as unclear:
        finish(reader, start.pending)
    assert f"may enter companies {first}, {second}." in unclear.value.headline
    assert start.pending["key"] not in [row["key"] for row in applications(person)]

    for company, name in ((first, "Harbour & Finch Ltd"), (second, "Second Quay SA")):
        read = link(tryton, person, company=str(company)).read("company")
        assert [content["companyName"] for content in read.records.values()] == [name]
    other = link(tryton, person, company=str(second))
    assert (other.read("invoices").records, other.read("chartOfAccounts").records) == ({}, {})
