"""Writes that nobody should ask for: one documented refusal, in one form, and nothing sent."""

from __future__ import annotations

import json

import pytest
from django.test.client import MULTIPART_CONTENT
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushops.api.bodies import MAX_RECORD_BYTES
from syncengine.models import Connection
from syncengine.states import ConnectionStatus
from tests.factories import make_company, make_connection, make_integration
from tests.portal.api.answers import anonymous, members_at_fault, refused, told
from tests.portal.api.test_bad_input import NO_OBJECT, NOT_JSON
from tests.pushops.api.conftest import ACCOUNT, MISSING, form, nothing_was_done, pdf, sent

pytestmark = pytest.mark.django_db

WITH_BODY = [("POST", "accounts"), ("PUT", "accounts/acc_1"), ("POST", "bankAccounts/b/bankTransactions")]
WRITES = [
    *WITH_BODY,
    ("DELETE", "accounts/acc_1"),
    ("POST", "bills/bil_1/attachments"),
    ("POST", "invoices/inv_1/attachment"),
]


@pytest.fixture
def ask(wire, linked):
    """Send any of the writes with a body that would do something."""

    def go(method, path, who=None, company=None, connection=None):
        who = who or wire
        full = f"/api/companies/{company or linked.company_id}/connections/{connection or linked.pk}/push/{path}"
        headers = {"Authorization": who.authorization}
        if "attachment" in path:
            return who.client.generic(method, full, form(file=pdf()), MULTIPART_CONTENT, headers=headers)
        body = json.dumps(ACCOUNT).encode() if method != "DELETE" else b""
        return who.client.generic(method, full, body, "application/json", headers=headers)

    return go


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_a_body_that_is_no_json_object_is_a_400(push, lab, method, path):
    bodies = [*NOT_JSON, *NO_OBJECT, b"", b"null"]
    assert {raw: refused(push(method, path, raw=raw))[0] for raw in bodies} == dict.fromkeys(bodies, 400)
    assert nothing_was_done(lab)


def test_what_is_json_and_no_object_is_named(push):
    for raw in NO_OBJECT:
        response = push("POST", "accounts", raw=raw)
        assert (refused(response)[1], members_at_fault(response)) == (
            "Error processing request - not valid. The body must be a JSON object.",
            ["body"],
        )


@pytest.mark.parametrize(
    "raw",
    [
        b'{"name": %b}' % (b"[" * 101 + b"]" * 101),
        b'{"currentBalance": 1e999}',
        b'{"currentBalance": 0.%b}' % (b"1" * 5000),
    ],
    ids=["deep", "large", "long"],
)
def test_what_no_database_can_keep_is_told_of_the_body(push, lab, raw):
    status, words = refused(push("POST", "accounts", raw=raw))
    assert (status, words.startswith("Error processing request - not valid. The body is not JSON: ")) == (400, True)
    assert nothing_was_done(lab)


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_a_huge_body_is_a_413(push, lab, method, path):
    for size in (MAX_RECORD_BYTES, 5 * 1024 * 1024, 11 * 1024 * 1024):
        assert refused(push(method, path, {"name": "x" * size}))[0] == 413
    assert nothing_was_done(lab)


@pytest.mark.parametrize(
    ("body", "at_fault"),
    [
        ({**ACCOUNT, "name": 5}, {"Name"}),
        ({**ACCOUNT, "name": None}, {"Name"}),
        ({**ACCOUNT, "name": ["a"]}, {"Name"}),
        ({**ACCOUNT, "nominalCode": {"a": "b"}}, {"NominalCode"}),
        ({**ACCOUNT, "currentBalance": "much"}, {"CurrentBalance"}),
        ({**ACCOUNT, "isBankAccount": "yes"}, {"IsBankAccount"}),
        ({}, {"NominalCode", "Name", "FullyQualifiedCategory"}),
    ],
)
def test_wrong_types_fail_at_once_by_name_and_are_not_sent(push, lab, body, at_fault):
    answer = told(push("POST", "accounts", body))
    named = {one["itemId"] for one in answer["validation"]["errors"]}
    assert (answer["status"], answer["statusCode"], named) == ("Failed", 400, at_fault)
    assert sent(lab) == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False).map(float)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*ACCOUNT, "currentBalance", "isBankAccount", "type", "status", "id", "validDatatypeLinks"])


@given(body=st.dictionaries(NAMES | st.text(max_size=5), VALUES, max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_object_is_answered_with_a_documented_status(push, lab, body):
    response = push("POST", "accounts", body)
    assert response.status_code in (200, 400), response.content
    if response.status_code == 200:
        assert told(response)["status"] in ("Success", "Failed")


# --- where it goes


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_connection_that_is_not_linked_is_not_written_to(ask, linked, lab, method, path):
    for status in (ConnectionStatus.UNLINKED, ConnectionStatus.DEAUTHORIZED, ConnectionStatus.PENDING_AUTH):
        Connection.objects.filter(pk=linked.pk).update(status=status)
        assert refused(ask(method, path)) == (
            409,
            f"Data connection {linked.pk} is {status}; only a Linked one can be written to.",
        )
    assert nothing_was_done(lab)


@pytest.mark.parametrize(
    ("method", "path", "operation", "data_type"),
    [
        ("PUT", "billPayments/x", "Update", "billPayments"),
        ("DELETE", "creditNotes/x", "Delete", "creditNotes"),
        ("DELETE", "bankAccounts/x", "Delete", "bankAccounts"),
        ("POST", "customers/x/attachment", "UploadAttachment", "customers"),
    ],
)
def test_what_the_platform_does_not_take_is_named(ask, lab, method, path, operation, data_type):
    assert refused(ask(method, path)) == (404, f"Sandbox does not support the operation {operation} on {data_type}.")
    assert nothing_was_done(lab)


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_platform_that_takes_no_writes_is_named(ask, linked, lab, method, path):
    shop = make_connection(linked.company, integration=make_integration("gbol", name="Shop"))
    status, words = refused(ask(method, path, connection=shop.pk))
    assert (status, " does not support the operation " in words) == (404, True)
    assert nothing_was_done(lab)


NO_PATHS = [
    ("POST", "taxRates", 404),
    ("POST", "chartOfAccounts", 404),
    ("POST", "nonsense", 404),
    ("POST", "bankTransactions", 404),
    ("POST", "bills/b/attachment", 404),
    ("POST", "invoices/i/attachments", 405),
    ("POST", "accounts/acc_1", 405),
    ("PUT", "accounts", 405),
    ("DELETE", "accounts", 405),
    ("PATCH", "accounts/acc_1", 405),
    ("GET", "accounts", 405),
    ("PUT", "bankAccounts/b/bankTransactions", 405),
]


def test_what_the_contract_does_not_have_is_no_path(ask, lab):
    assert [(method, path, refused(ask(method, path))[0]) for method, path, _ in NO_PATHS] == NO_PATHS
    assert nothing_was_done(lab)


@pytest.mark.parametrize("record_id", ["x" * 513, "%20", "%C2%A0"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_id_that_can_be_none_is_named(push, lab, method, record_id):
    response = push(method, f"accounts/{record_id}", ACCOUNT)
    assert (refused(response)[0], members_at_fault(response)) == (400, ["recordId"])
    assert nothing_was_done(lab)


@pytest.mark.parametrize("record_id", ["acc_99999999", "a%2Fb", "..%2F..%2Fcompany", "%F0%9F%98%80", "' OR 1=1 --"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_id_that_the_platform_does_not_know_ends_as_failed(push, lab, method, record_id):
    answer = told(push(method, f"accounts/{record_id}", ACCOUNT))
    assert (answer["status"], answer["statusCode"] >= 400, bool(answer["errorMessage"])) == ("Failed", True, True)
    assert lab.control("GET", "writes") == []


# --- who asks


@pytest.mark.parametrize("scopes", [("read",), ("sync",), ("admin",), ("read", "sync", "admin")])
def test_only_a_key_for_pushes_writes(ask, wire_for, lab, scopes):
    who = wire_for(*scopes)
    for method, path in WRITES:
        assert refused(ask(method, path, who=who)) == (
            403,
            "Forbidden: this API key does not hold the right push.create.",
        )
    assert nothing_was_done(lab)


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_foreign_and_deleted_ones_look_like_none(ask, wire_for, linked, lab, method, path):
    mine = make_connection(make_company("Mine"), integration=linked.integration)
    limited = wire_for("push", company_ids=[mine.company_id])
    gone = make_connection(mine.company, integration=linked.integration, deleted_at=now())

    def told_of(company, connection):
        status, content = anonymous(ask(method, path, limited, company, connection))
        for key in (company, connection):
            content = content.replace(str(key).encode(), b"K")
        return status, content

    assert told_of(linked.company_id, linked.pk) == told_of(MISSING, MISSING)
    missing = told_of(mine.company_id, MISSING)
    assert missing[0] == 404
    assert told_of(mine.company_id, linked.pk) == told_of(mine.company_id, gone.pk) == missing
    assert nothing_was_done(lab)
