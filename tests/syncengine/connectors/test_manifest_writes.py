"""The write sections of a manifest: what each key does to a request, how answers are read, and every fault's name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from werkzeug import Response

from syncengine.connectors.attachments import File
from syncengine.connectors.base import PushReceipt, Written
from syncengine.connectors.changes import Change, Operation, WriteSupport
from syncengine.connectors.multipart import as_form
from syncengine.connectors.push_options import OptionChoice, OptionNote, PushOption
from syncengine.exceptions import (
    ManifestError,
    OutcomeUnknown,
    PushIssue,
    PushRejected,
    SourceChanged,
    SourceRefused,
)
from syncengine.outbound import Session
from tests.syncengine.connectors.helpers import CUSTOMERS, HEAD, make_connector, make_manifest

CREATE, UPDATE, DELETE = Operation.CREATE, Operation.UPDATE, Operation.DELETE
WRITES = """
[types.customers.writes]
create = {}
update = { method = "PATCH" }
delete = {}

[types.customers.writes.body]
name = "customerName"
mail = "emailAddress"
live = { from = "status", words = { Active = true, Archived = false } }
home = { object = { town = "addresses.0.city" } }
people = { each = "contacts", object = { called = "name" } }

[types.customers.writes.members]
customerName = { required = true, description = "Who they are.", warnings = ["Be kind."] }
"contacts.name" = { name = "Called", information = ["Short."] }
"""
WIRE = """
[writes]
idempotency_header = "X-Key"
replayed = "X-Again"
busy = [409]
refused = [503]
unmodified = { header = "X-Since", status = 428 }
marker = { member = "meta.ref", param = "ref" }

[writes.rejected]
statuses = [400]
each = "problems"
path = "where"
message = "what"
text = "{member} of {model}: {message}"

[writes.warned]
each = "hints"
message = "what"
"""
ROW = {"id": "7", "name": "Ann"}


@pytest.fixture
def http(httpserver, settings):
    settings.HEADRACE_OUTBOUND_ALLOW = [f"{httpserver.host}:{httpserver.port}"]
    with Session() as session:
        yield session


def push(httpserver, http, operation=CREATE, writes=WRITES, wire=WIRE, key="k1", record_id="", body=None, **members):
    connector = make_connector(HEAD, wire, CUSTOMERS, writes)
    base = httpserver.url_for("").rstrip("/")
    change = Change("demo", "customers", operation, record_id, body, settings={"base_url": base}, **members)
    return connector.push(change, idempotency_key=key, http=http)


def written(row):
    """What a receipt says of a row that the platform answered."""
    connector = make_connector(HEAD, CUSTOMERS)
    return Written(row["id"], json.dumps(row).encode(), connector.map_record("customers", row))


def asked(httpserver, at=-1):
    request = httpserver.log[at][0]
    return request.method, request.path, json.loads(request.data) if request.data else None


def test_a_body_is_mapped_marked_and_sent_with_its_key(httpserver, http):
    httpserver.expect_request("/api/customers").respond_with_data(json.dumps(ROW), content_type="application/json")
    body = {
        "customerName": "Ann", "status": "Archived", "unheard": 1, "emailAddress": None,
        "addresses": [{"city": "Leeds"}], "contacts": [{"name": "Bo"}, {"email": "x"}],
    }  # fmt: skip
    assert push(httpserver, http, body=body) == PushReceipt((written(ROW),))
    assert asked(httpserver) == (
        "POST",
        "/api/customers",
        {
            "name": "Ann",
            "live": False,
            "home": {"town": "Leeds"},
            "people": [{"called": "Bo"}, {}],
            "meta": {"ref": "k1"},
        },
    )
    assert httpserver.log[-1][0].headers["X-Key"] == "k1"


def test_an_update_clears_what_is_null_and_says_which_copy_it_was_made_on(httpserver, http):
    httpserver.expect_request("/api/customers/7").respond_with_data(
        json.dumps({**ROW, "hints": [{"what": "Hm."}]}), content_type="application/json", headers={"X-Again": "1"}
    )
    since = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    receipt = push(httpserver, http, UPDATE, record_id="7", body={"emailAddress": None}, if_unmodified_since=since)
    assert (receipt.replayed, receipt.warnings) == (True, (PushIssue("", "Hm.", "Customer"),))
    assert asked(httpserver) == ("PATCH", "/api/customers/7", {"mail": None})
    assert httpserver.log[-1][0].headers["X-Since"] == "2026-01-02T03:04:05.678901Z"
    push(httpserver, http, UPDATE, record_id="7", body={}, if_unmodified_since=since, force=True)
    assert "X-Since" not in httpserver.log[-1][0].headers


def test_bodies_and_answers_may_be_wrapped_and_ids_stand_elsewhere(httpserver, http):
    httpserver.expect_request("/api/customers").respond_with_json({"Contact": [ROW], "made": {"no": 7}})
    wrapped = WRITES.replace("create = {}", 'create = {}\nsent_in = "data.Contact"\ntold_in = "Contact"')
    assert push(httpserver, http, writes=wrapped, wire="", body={"customerName": "A"}).source_id == "7"
    assert asked(httpserver)[2] == {"data": {"Contact": {"name": "A"}}}
    bare = WRITES.replace("create = {}", 'create = { id = "made.no" }')
    assert push(httpserver, http, writes=bare, wire="", body={"customerName": "A"}) == PushReceipt((Written("7"),))


def test_a_record_that_is_not_answered_is_read_back(httpserver, http):
    reread = WRITES.replace("create = {}", 'create = { id = "no", reread = true }')
    httpserver.expect_request("/api/customers").respond_with_json({"no": 7})
    httpserver.expect_oneshot_request("/api/customers/7").respond_with_data(json.dumps(ROW))
    assert push(httpserver, http, writes=reread, body={"customerName": "A"}) == PushReceipt((written(ROW),))
    httpserver.expect_request("/api/customers/7").respond_with_data("gone", 500)
    assert push(httpserver, http, writes=reread, body={"customerName": "A"}) == PushReceipt((Written("7"),))


def test_a_platform_that_judges_no_stamp_is_asked_for_its_copy_first(httpserver, http):
    look = WIRE.replace('{ header = "X-Since", status = 428 }', "{ look = true }")
    stamped = CUSTOMERS.replace('key = "id"', 'key = "id"\nmodified = "at"')
    httpserver.expect_request("/api/customers/7", method="GET").respond_with_json({**ROW, "at": "2026-01-02T00:00:00Z"})
    httpserver.expect_request("/api/customers/7", method="DELETE").respond_with_data("", 204)
    connector = make_connector(HEAD, look, stamped, WRITES)
    ends = []
    for day in (1, 2):
        change = Change(
            "demo", "customers", DELETE, "7", if_unmodified_since=datetime(2026, 1, day, tzinfo=UTC),
            settings={"base_url": httpserver.url_for("").rstrip("/")},
        )  # fmt: skip
        try:
            ends.append(connector.push(change, idempotency_key="k", http=http))
        except SourceChanged as changed:
            ends.append((type(changed), changed.sent))
    assert ends == [(SourceChanged, False), PushReceipt((Written("7"),))]
    assert [request.method for request, _ in httpserver.log] == ["GET", "GET", "DELETE"]


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (400, {"problems": []}, PushRejected),
        (400, "plain words", PushRejected),
        (404, "", SourceRefused),
        (428, "", SourceChanged),
        (409, "", OutcomeUnknown),
        (408, "", OutcomeUnknown),
        (301, "", OutcomeUnknown),
        (502, "", OutcomeUnknown),
        (200, "", OutcomeUnknown),
        (200, "<html>", OutcomeUnknown),
        (200, {"name": "no key"}, OutcomeUnknown),
        (204, "", OutcomeUnknown),
    ],
)
def test_each_status_has_its_meaning(httpserver, http, status, body, raised):
    text = body if isinstance(body, str) else json.dumps(body)
    httpserver.expect_request("/api/customers").respond_with_response(Response(text, status))
    with pytest.raises(raised) as ending:
        push(httpserver, http, body={"customerName": "A"})
    assert (type(ending.value), ending.value.sent, ending.value.status_code) == (raised, True, status)


def test_statuses_that_promise_nothing_was_done_are_believed(httpserver, http):
    httpserver.expect_request("/api/customers").respond_with_response(Response("", 503))
    with pytest.raises(OutcomeUnknown):
        push(httpserver, http, wire=WIRE.replace("refused = [503]", ""), body={"customerName": "A"})
    with pytest.raises(Exception, match=r"failed to answer") as ending:
        push(httpserver, http, body={"customerName": "A"})
    assert not isinstance(ending.value, OutcomeUnknown)


@pytest.mark.parametrize("place", ["people[1].called", "people.1.called", "/people/1/called"])
def test_refusals_name_the_models_members(httpserver, http, place):
    problems = [{"where": place, "what": "Too long."}, {"where": "home.town", "what": "Odd."}, {"what": "All wrong."}]
    problems += [{"where": "elsewhere.x", "what": "Hm."}, {"where": "home", "what": "Missing."}, 5]
    httpserver.expect_request("/api/customers").respond_with_json({"problems": problems}, 400)
    with pytest.raises(PushRejected) as refusal:
        push(httpserver, http, body={"customerName": "A"})
    assert [(issue.item_id, issue.message) for issue in refusal.value.issues] == [
        ("Contacts[1].Name", "Contacts[1].Name of Customer: Too long."),
        ("Addresses[0].City", "Addresses[0].City of Customer: Odd."),
        ("", "it of Customer: All wrong."),
        ("", "it of Customer: Hm."),
        ("Addresses[0].City", "Addresses[0].City of Customer: Missing."),
    ]
    assert {issue.validator_name for issue in refusal.value.issues} == {"Customer"}


def test_amounts_keep_their_digits(httpserver, http):
    free = WRITES.replace('name = "customerName"', 'name = "customerName"\nrate = "taxNumber"')
    httpserver.expect_request("/api/customers").respond_with_json(ROW)
    for amount in (Decimal("0.10"), 0.1, 1e-7):
        push(httpserver, http, writes=free, body={"taxNumber": amount})
    sent = [request.data for request, _ in httpserver.log]
    assert [text.split(b'"rate":')[1].split(b",")[0] for text in sent] == [b"0.10", b"0.1", b"1E-7"]


def test_a_word_the_body_does_not_know_is_refused_before_it_is_sent(httpserver, http):
    with pytest.raises(PushRejected) as refusal:
        push(httpserver, http, body={"customerName": "A", "status": "Odd"})
    assert [issue.item_id for issue in refusal.value.issues] == ["Status"]
    assert (refusal.value.sent, httpserver.log) == (False, [])


def test_the_model_is_made_from_the_body_and_what_is_said_of_it():
    connector = make_connector(HEAD, WIRE, CUSTOMERS, WRITES)
    words = ("Active", "Archived")
    assert connector.options("customers", settings={}, http=None) == PushOption(
        "Object",
        "Customer",
        required=True,
        properties={
            "customerName": PushOption(
                "String", "Customer Name", "Who they are.", True, warnings=(OptionNote("CustomerName", "Be kind."),)
            ),
            "emailAddress": PushOption("String", "Email Address"),
            "status": PushOption("String", "Status", options=tuple(OptionChoice(word, word) for word in words)),
            "addresses": PushOption("Array", "Addresses", properties={"city": PushOption("String", "City")}),
            "contacts": PushOption(
                "Array",
                "Contacts",
                properties={
                    "name": PushOption("String", "Called", information=(OptionNote("Contacts.Name", "Short."),))
                },
            ),
        },
    )


@pytest.mark.parametrize(("wire", "idempotent", "searchable"), [(WIRE, True, True), ("", False, False)])
def test_what_the_catalogue_says_of_writes(wire, idempotent, searchable):
    assert make_manifest(HEAD, wire, CUSTOMERS, WRITES).platform.types["customers"].writes == (
        WriteSupport(CREATE, idempotent, searchable),
        WriteSupport(UPDATE, idempotent),
        WriteSupport(DELETE, idempotent),
    )


def test_the_same_file_makes_the_same_form():
    file = File(b"\0--x\r\n", "text/html; charset=x", 'a"\r\nb.txt')
    kind, body = as_form("part", file)
    assert (kind, body) == as_form("part", file)
    boundary = kind.partition("boundary=")[2].encode()
    assert body == (
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="part"; filename="a___b.txt"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\0--x\r\n\r\n--" + boundary + b"--\r\n"
    )  # fmt: skip


FAULTS = [
    ("create = {}", "", "", None),  # two of three are left: no fault
    ("create = {}\n", "creat = {}\n", "types.customers.writes.creat", "did you mean create?"),
    ("create = {}", 'create = { methd = "PUT" }', "types.customers.writes.create.methd", "did you mean method?"),
    ("create = {}", 'create = { method = "GET" }', "types.customers.writes.create.method", "is not one of POST"),
    ("create = {}", "create = { reread = true }", "types.customers.writes.create.reread", "needs id"),
    ("create = {}", 'create = { endpoint = "x" }', "types.customers.writes.create.endpoint", "must begin with one /"),
    ("delete = {}", 'delete = { endpoint = "/x" }', "types.customers.writes.delete.endpoint", "must hold {record_id}"),
    ("delete = {}", 'delete = { endpoint = "/x/{record_id}/{town}" }', "types.customers.writes.delete.endpoint",
     "is no setting of this platform"),
    ("delete = {}", "delete = {}\nupload = {}", "types.customers.writes.upload.id", "is missing"),
    ('"customerName"', '"custmerName"', "types.customers.writes.body", "did you mean customerName?"),
    ('"addresses.0.city"', '"addresses.0.town"', "types.customers.writes.body", "Address has no member town"),
    ('"addresses.0.city"', '"customerName.city"', "types.customers.writes.body", "taken from a plain value"),
    ("customerName = {", "phone = {", "types.customers.writes.members.phone", "is not taken by the body"),
    ("required = true", "requird = true", "types.customers.writes.members.customerName.requird", "did you mean"),
    ("busy = [409]", "busy = [9]", "writes.busy", "is not an HTTP status"),
    ('idempotency_header = "X-Key"', "", "writes.busy", "needs idempotency_header"),
    ('header = "X-Since", ', "", "writes.unmodified.header", "exactly one of header and look"),
    ('member = "meta.ref"', 'member = "meta.0"', "writes.marker.member", "only hold members' names"),
    (', param = "ref"', "", "writes.marker.param", "is missing"),
    ("statuses = [400]", "", "writes.rejected.statuses", "at least one status"),
    ("{message}", "{mesage}", "writes.rejected.text", "must hold {message}"),
    ('each = "problems"', "", "writes.rejected.each", "is missing"),
    ('each = "hints"', 'each = "hints"\nstatuses = [200]', "writes.warned.statuses", "is not a known key"),
]  # fmt: skip


@pytest.mark.parametrize(("was", "becomes", "key", "problem"), FAULTS)
def test_a_fault_names_file_and_key(was, becomes, key, problem):
    text = WIRE + CUSTOMERS + WRITES
    assert was in text
    if problem is None:
        assert make_manifest(HEAD, text.replace(was, becomes, 1))
        return
    with pytest.raises(ManifestError) as fault:
        make_manifest(HEAD, text.replace(was, becomes, 1))
    assert (fault.value.file, fault.value.key) == ("demo.toml", key)
    assert problem in fault.value.problem


def test_writes_need_an_operation_and_a_body():
    with pytest.raises(ManifestError, match=r"types\.customers\.writes: names no operation"):
        make_manifest(HEAD, CUSTOMERS, "[types.customers.writes]\nname = 'x'")
    with pytest.raises(ManifestError, match=r"types\.customers\.writes\.body: is missing"):
        make_manifest(HEAD, CUSTOMERS, "[types.customers.writes]\ncreate = {}")
    assert make_manifest(HEAD, CUSTOMERS, "[types.customers.writes]\ndelete = {}")
