"""Writes to the real sandbox through the real way out: what is written, what is refused, and what nobody knows."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from syncengine.connectors.attachments import File
from syncengine.connectors.changes import Change, Operation, WriteSupport
from syncengine.connectors.platforms import features
from syncengine.connectors.registry import connector_for
from syncengine.connectors.wire import decode_record
from syncengine.exceptions import (
    AuthExpired,
    NotSupported,
    OutcomeUnknown,
    PermissionMissing,
    PushIssue,
    PushRejected,
    RateLimited,
    SourceChanged,
    SourceRefused,
    SourceUnavailable,
)
from syncengine.outbound import Session
from syncengine.states import ReadMode
from tests.syncengine.connectors.pushing import linked_to

CREATE, UPDATE, DELETE, UPLOAD = Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.UPLOAD
ACCOUNT = {"nominalCode": "4200123456", "name": "Codat Assets Account", "fullyQualifiedCategory": "Asset.Current"}
LINE = {
    "description": "Sourdough", "quantity": 3, "unitAmount": 4.2, "accountRef": {"id": "acc_00000017"},
    "taxRateRef": {"id": "tax_00000000"}, "itemRef": {"id": "itm_00000000"},
}  # fmt: skip
CUSTOMER, SUPPLIER = {"id": "cus_00000003"}, {"id": "sup_00000003"}
PAID_FROM = [{"payment": {"accountRef": {"id": "acc_00000003"}}, "allocation": {}}]

# What the contract lets every platform write (codat contract, section 6), and what this one writes beyond it.
WRITABLE = {
    "bankAccounts": "CU", "bankTransactions": "C", "billCreditNotes": "CUA", "billPayments": "CD", "bills": "CUDA",
    "chartOfAccounts": "CUD", "creditNotes": "CU", "customers": "CUD", "directCosts": "CDA", "directIncomes": "CA",
    "invoices": "CUDA", "items": "CUD", "journalEntries": "CD", "journals": "C", "payments": "CUD",
    "purchaseOrders": "CU", "suppliers": "CUD", "transfers": "CA",
}  # fmt: skip
LETTERS = {"C": CREATE, "U": UPDATE, "D": DELETE, "A": UPLOAD}

BODIES = {
    "chartOfAccounts": ACCOUNT,
    "customers": {
        "customerName": "Hillside Hotel", "status": "Active", "emailAddress": "a@hillside.example",
        "addresses": [{"type": "Billing", "line1": "1 Hill", "city": "Leeds", "country": "GB"}],
        "contacts": [{"name": "Ada", "phone": [{"number": "1", "type": "Mobile"}], "status": "Active"}],
    },
    "suppliers": {"supplierName": "Mill & Co", "status": "Active", "defaultCurrency": "GBP"},
    "items": {
        "name": "Rye loaf", "code": "RYE", "type": "Inventory", "itemStatus": "Active", "isInvoiceItem": True,
        "isBillItem": False, "invoiceItem": {"unitPrice": 4.5, "accountRef": {"id": "acc_00000017"}},
    },
    "invoices": {"customerRef": CUSTOMER, "issueDate": "2026-11-01T00:00:00", "dueDate": "2026-12-01",
                 "lineItems": [LINE], "status": "Submitted", "currency": "GBP"},
    "bills": {"supplierRef": SUPPLIER, "issueDate": "2026-11-01", "lineItems": [LINE], "status": "Open"},
    "creditNotes": {"customerRef": CUSTOMER, "issueDate": "2026-11-01", "lineItems": [LINE], "status": "Submitted"},
    "billCreditNotes": {"supplierRef": SUPPLIER, "issueDate": "2026-11-01", "lineItems": [LINE], "status": "Draft"},
    "payments": {"customerRef": CUSTOMER, "accountRef": {"id": "acc_00000003"}, "date": "2026-11-02", "totalAmount": 5,
                 "lines": [{"amount": 5, "links": [{"type": "PaymentOnAccount", "amount": -5}]}]},
    "billPayments": {"supplierRef": SUPPLIER, "accountRef": {"id": "acc_00000003"}, "date": "2026-11-02",
                     "totalAmount": 5.5, "lines": [{"amount": 5.5, "links": []}]},
    "directCosts": {"contactRef": {"id": "sup_00000003"}, "issueDate": "2026-11-01", "currency": "GBP",
                    "lineItems": [LINE], "paymentAllocations": PAID_FROM},
    "directIncomes": {"contactRef": {"id": "cus_00000003"}, "issueDate": "2026-11-01", "currency": "GBP",
                      "lineItems": [LINE], "paymentAllocations": PAID_FROM},
    "purchaseOrders": {"supplierRef": SUPPLIER, "issueDate": "2026-11-01", "lineItems": [LINE], "status": "Open",
                       "shipTo": {"address": {"type": "Delivery", "line1": "Dock 4"}, "contact": {"name": "Bo"}}},
    "transfers": {"date": "2026-11-01", "description": "Saving",
                  "from": {"accountRef": {"id": "acc_00000003"}, "amount": 10, "currency": "GBP"},
                  "to": {"accountRef": {"id": "acc_00000004"}, "amount": 10, "currency": "GBP"}},
    "journals": {"journalCode": "TST", "name": "Tests", "type": "general", "status": "Active"},
    "journalEntries": {"postedOn": "2026-11-01", "description": "Accrual", "journalLines": [
        {"netAmount": 7.1, "accountRef": {"id": "acc_00000026"}},
        {"netAmount": -7.1, "accountRef": {"id": "acc_00000012"}}]},
    "bankAccounts": {"accountName": "Till", "accountType": "Debit", "currency": "GBP", "status": "Active"},
}  # fmt: skip
CHANGES = {
    "chartOfAccounts": {"name": "Renamed"}, "customers": {"customerName": "Renamed", "phone": None},
    "suppliers": {"supplierName": "Renamed"}, "items": {"name": "Renamed"}, "invoices": {"note": "Late"},
    "bills": {"note": "Late"}, "creditNotes": {"note": "Late"}, "billCreditNotes": {"note": "Late"},
    "payments": {"note": "Late"}, "purchaseOrders": {"note": "Late"}, "bankAccounts": {"accountName": "Renamed"},
}  # fmt: skip


@pytest.fixture
def linked(lab):
    linked = linked_to(lab)
    yield linked
    linked.http.close()


@pytest.fixture
def platform(_sandbox_server):
    return _sandbox_server.platform


def push(linked, change, key="key-1"):
    return linked.connector.push(change, idempotency_key=key, http=linked.http)


def create(linked, data_type, body=None, key="key-1", **members):
    return push(linked, linked.change(CREATE, data_type, body=body or BODIES[data_type], **members), key)


def creates(linked):
    return [(one["type"], one["idempotency_key"]) for one in linked.lab.control("GET", "creates")]


def writes(linked):
    return [(one["operation"], one["type"], one["id"]) for one in linked.lab.control("GET", "writes")]


# --- what can be written


def test_every_type_the_contract_calls_writable_can_be_written():
    platform = connector_for("mqjo").platform
    supported = {
        name: {write.operation: write for write in found.writes}
        for name, found in platform.types.items()
        if found.writes
    }
    assert {name: set(found) for name, found in supported.items()} == {
        name: {LETTERS[letter] for letter in letters} for name, letters in WRITABLE.items()
    }
    assert {write for found in supported.values() for write in found.values()} == {
        WriteSupport(CREATE, idempotent=True, searchable=True),
        *(WriteSupport(operation, idempotent=True) for operation in (UPDATE, DELETE, UPLOAD)),
    }
    assert features(platform, "bills") == (
        "Get", "Post", "Put", "Delete", "DownloadAttachment", "GetAttachment", "GetAttachments", "UploadAttachment"
    )  # fmt: skip


@pytest.mark.parametrize("data_type", BODIES)
def test_a_created_record_comes_back_as_a_read_brings_it(linked, data_type):
    receipt = create(linked, data_type)
    [written] = receipt.written
    assert (receipt.source_id, receipt.replayed, receipt.warnings) == (written.source_id, False, ())
    read = linked.read(data_type, mode=ReadMode.INCREMENTAL, since=datetime(2026, 11, 1, tzinfo=UTC))
    assert {written.source_id: written.record} == {
        key: record for key, record in read.items() if key == written.source_id
    }
    assert written.record == linked.connector.map_record(data_type, decode_record(written.raw))
    assert creates(linked) == [(linked_endpoint(linked, data_type), "key-1")]


def linked_endpoint(linked, data_type):
    return linked.connector.platform.types[data_type].endpoint.removeprefix("/")


@pytest.mark.parametrize("data_type", CHANGES)
def test_an_updated_record_keeps_what_was_not_said(linked, data_type):
    before = create(linked, data_type).written[0]
    after = push(
        linked, linked.change(UPDATE, data_type, record_id=before.source_id, body=CHANGES[data_type]), "key-2"
    ).written[0]
    expected = {**before.record.content, **{name: v for name, v in CHANGES[data_type].items() if v is not None}}
    assert after.record.content == expected
    assert after.record.source_modified_at > before.record.source_modified_at
    assert linked.read(data_type)[before.source_id] == after.record


@pytest.mark.parametrize("data_type", [name for name, letters in WRITABLE.items() if "D" in letters])
def test_a_deleted_record_is_told_as_deleted(linked, data_type):
    before = create(linked, data_type).source_id
    assert push(linked, linked.change(DELETE, data_type, record_id=before), "key-2").source_id == before
    changes = linked.read(data_type, mode=ReadMode.INCREMENTAL, since=datetime(2026, 11, 1, tzinfo=UTC))
    assert changes[before].is_deleted
    assert before not in linked.read(data_type)
    with pytest.raises(SourceRefused) as refusal:
        push(linked, linked.change(DELETE, data_type, record_id=before), "key-3")
    assert refusal.value.status_code == 404


def test_the_contracts_account_is_written_and_read_as_the_contract_shows_it(linked):
    [written] = create(linked, "chartOfAccounts").written
    assert written.record.content == {
        "id": written.source_id,
        **ACCOUNT,
        "type": "Unknown",
        "status": "Unknown",
        "isBankAccount": False,
    }


def test_the_contracts_other_account_is_refused_in_the_contracts_words(linked):
    with pytest.raises(PushRejected) as refusal:
        create(linked, "chartOfAccounts", {**ACCOUNT, "nominalCode": "350045006500"})
    assert refusal.value.issues == (
        PushIssue(
            "NominalCode",
            "Failed to push to Account as NominalCode must not be longer than 10 characters long.",
            "Account",
        ),
    )
    assert (refusal.value.status_code, refusal.value.sent, writes(linked)) == (422, True, [])


def test_the_sums_of_a_written_invoice_are_worked_out_and_its_payment_settles_it(linked):
    invoice = create(linked, "invoices").written[0]
    content = {name: float(value) for name, value in invoice.record.content.items() if name.endswith(("Amount", "Due"))}
    assert content == {"totalTaxAmount": 2.52, "totalAmount": 15.12, "amountDue": 15.12}
    body = {
        **BODIES["payments"],
        "totalAmount": 15.12,
        "lines": [{"amount": 15.12, "links": [{"type": "Invoice", "id": invoice.source_id, "amount": -15.12}]}],
    }
    payment = create(linked, "payments", body, "key-2").source_id
    paid = linked.read("invoices")[invoice.source_id].content
    assert (paid["status"], float(paid["amountDue"]), paid["paymentAllocations"][0]["payment"]["id"]) == (
        "Paid", 0, payment
    )  # fmt: skip
    push(linked, linked.change(DELETE, "payments", record_id=payment), "key-3")
    open_again = linked.read("invoices")[invoice.source_id].content
    assert (open_again["status"], float(open_again["amountDue"])) == ("Submitted", 15.12)


def test_bank_transactions_are_written_together_or_not_at_all(linked):
    rows = [{"clearedOnDate": "2026-10-30", "amount": amount, "transactionType": "Fee"} for amount in (-1.5, 20)]
    receipt = create(linked, "bankTransactions", {"transactions": rows}, record_id="bnk_00000001")
    read = linked.read("bankTransactions")
    assert [read[one.source_id] for one in receipt.written] == [one.record for one in receipt.written]
    assert [(one.record.content["accountId"], one.record.content["amount"]) for one in receipt.written] == [
        ("bnk_00000001", pytest.approx(-1.5)), ("bnk_00000001", 20)
    ]  # fmt: skip
    with pytest.raises(PushRejected) as refusal:
        create(linked, "bankTransactions", {"transactions": [*rows, {"amount": 3}]}, "key-2", record_id="bnk_00000001")
    assert [issue.item_id for issue in refusal.value.issues] == ["Transactions[2].ClearedOnDate"]
    assert len(creates(linked)) == 2


@pytest.mark.parametrize("data_type", [name for name, letters in WRITABLE.items() if "A" in letters])
def test_an_uploaded_file_is_listed_and_downloaded(linked, data_type):
    record_id = create(linked, data_type).source_id
    file = File(b"\0\r\n--not-a-boundary\r\n%PDF" * 50, "application/pdf", 'Bill "1"\r\nX: y.pdf')
    receipt = push(linked, linked.change(UPLOAD, data_type, record_id=record_id, file=file), "key-2")
    context = {"settings": linked.settings, "http": linked.http}
    [listed] = linked.connector.attachments(data_type, record_id, **context)
    assert (receipt.source_id, receipt.attachment_id) == (record_id, listed.id)
    assert (listed.name, listed.content_type, listed.file_size) == ("Bill _1___X: y.pdf", "application/pdf", 1250)
    assert linked.connector.download(data_type, record_id, listed.id, **context).content == file.content
    again = push(linked, linked.change(UPLOAD, data_type, record_id=record_id, file=file), "key-2")
    assert (again.attachment_id, again.replayed) == (listed.id, True)
    assert len(linked.connector.attachments(data_type, record_id, **context)) == 1


# --- what is refused


@pytest.mark.parametrize(
    ("data_type", "spoil", "item_ids"),
    [
        ("chartOfAccounts", {"nominalCode": None, "name": ""}, ["NominalCode", "Name"]),
        ("chartOfAccounts", {"fullyQualifiedCategory": "Asset.Mine"}, ["FullyQualifiedCategory"]),
        ("invoices", {"customerRef": {"id": "cus_99999999"}}, ["CustomerRef.Id"]),
        ("invoices", {"customerRef": None}, ["CustomerRef.Id"]),
        ("invoices", {"issueDate": None}, ["IssueDate"]),
        ("invoices", {"totalAmount": 99}, ["TotalAmount"]),
        ("invoices", {"lineItems": []}, ["LineItems"]),
        ("invoices", {"lineItems": [LINE, {**LINE, "quantity": "x"}]}, ["LineItems[1].Quantity"]),
        ("bills", {"lineItems": [LINE, {**LINE, "accountRef": {"id": "acc_1"}}]}, ["LineItems[1].AccountRef.Id"]),
        ("payments", {"totalAmount": 6}, ["TotalAmount"]),
        ("payments", {"lines": [{"amount": 5, "links": [{"type": "Invoice", "id": "inv_00000000", "amount": -5}]}]},
         ["Lines[0].Amount"]),
        ("directCosts", {"paymentAllocations": [{"payment": {"accountRef": {"id": "no"}}}]},
         ["PaymentAllocations[0].Payment.AccountRef.Id"]),
        ("transfers", {"to": {"accountRef": {"id": "acc_00000003"}, "amount": 10}}, ["To.AccountRef.Id"]),
        ("journalEntries", {"journalLines": [{"netAmount": 1, "accountRef": {"id": "acc_00000003"}}]},
         ["JournalLines"]),
        ("customers", {"contacts": [{"email": "x"}]}, ["Contacts[0].Name"]),
        ("customers", {"addresses": [{"type": "Billing", "country": "x" * 61}]}, ["Addresses[0].Country"]),
    ],
)  # fmt: skip
def test_each_fault_names_the_standard_models_member(linked, data_type, spoil, item_ids):
    with pytest.raises(PushRejected) as refusal:
        create(linked, data_type, {**BODIES[data_type], **spoil})
    assert [issue.item_id for issue in refusal.value.issues] == item_ids
    for issue in refusal.value.issues:
        assert issue.message.startswith(f"Failed to push to {issue.validator_name} as {issue.item_id} must ")
    assert creates(linked) == []


def test_a_direct_income_is_called_by_its_own_name(linked):
    with pytest.raises(PushRejected) as refusal:
        create(linked, "directIncomes", {**BODIES["directIncomes"], "issueDate": None})
    assert {issue.validator_name for issue in refusal.value.issues} == {"DirectIncome"}


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused_before_it_is_sent(linked, wrong):
    with pytest.raises(PushRejected) as refusal:
        create(linked, "journalEntries", {"journalLines": [{"netAmount": 1}, {"netAmount": wrong}]})
    assert [issue.item_id for issue in refusal.value.issues] == ["JournalLines[1].NetAmount"]
    assert (refusal.value.sent, linked.lab.requests("/api/")) == (False, [])


@pytest.mark.parametrize(
    ("operation", "data_type", "members"),
    [
        (CREATE, "taxRates", {"body": {}}),
        (DELETE, "creditNotes", {"record_id": "x"}),
        (CREATE, "commerce-orders", {"body": {}}),
        (UPLOAD, "customers", {"record_id": "x"}),
    ],
)
def test_what_the_platform_cannot_write_is_not_sent(linked, operation, data_type, members):
    with pytest.raises(NotSupported) as refusal:
        push(linked, linked.change(operation, data_type, **members))
    assert (refusal.value.sent, linked.lab.requests("/api/")) == (False, [])


@pytest.mark.parametrize("record_id", ["", "..", "x/../../customers/cus_00000001", "a\nb"])
def test_an_id_cannot_lead_elsewhere(linked, record_id):
    with pytest.raises(SourceRefused) as refusal:
        push(linked, linked.change(DELETE, "invoices", record_id=record_id))
    assert (refusal.value.status_code in (404, 405), writes(linked)) == (True, [])


def test_a_consent_for_reading_only_refuses_writes(linked, platform):
    with platform.grants._lock:
        token = platform.grants._tokens(platform.grants._open("brightwater", "books.read"))["access_token"]
    http = Session(authorization={"Authorization": f"Bearer {token}"}, origin=linked.lab.url)
    with http, pytest.raises(PermissionMissing) as refusal:
        push(replace(linked, http=http), linked.change(CREATE, "journals", body=BODIES["journals"]))
    assert (refusal.value.status_code, creates(linked)) == (403, [])


# --- copies that are out of date


@pytest.mark.parametrize("operation", [UPDATE, DELETE])
def test_a_change_made_on_an_old_copy_is_refused_unless_it_is_forced(linked, operation):
    seen = create(linked, "customers").written[0]
    since = seen.record.source_modified_at
    about = {"record_id": seen.source_id, "body": {"phone": "2"} if operation is UPDATE else None}
    linked.lab.control("PATCH", f"businesses/brightwater/customers/records/{seen.source_id}", {"phone": "1"})
    for older in (since, since - timedelta(days=1)):
        with pytest.raises(SourceChanged) as refusal:
            push(linked, linked.change(operation, "customers", if_unmodified_since=older, **about), "key-2")
        assert refusal.value.status_code == 412
    newest = linked.read("customers")[seen.source_id]
    assert newest.content["phone"] == "1"
    push(linked, linked.change(operation, "customers", if_unmodified_since=newest.source_modified_at, **about), "key-3")
    assert [one[0] for one in writes(linked)] == ["create", operation.value.lower()]


def test_force_writes_over_a_newer_copy(linked):
    seen = create(linked, "customers").written[0]
    linked.lab.control("PATCH", f"businesses/brightwater/customers/records/{seen.source_id}", {"phone": "1"})
    change = linked.change(
        UPDATE, "customers", record_id=seen.source_id, body={"phone": "2"}, force=True,
        if_unmodified_since=seen.record.source_modified_at,
    )  # fmt: skip
    assert push(linked, change, "key-2").written[0].record.content["phone"] == "2"


# --- the same key twice, and what nobody knows


def test_the_same_write_with_the_same_key_is_done_once(linked):
    first, second = create(linked, "invoices"), create(linked, "invoices")
    assert (second.written, first.replayed, second.replayed) == (first.written, False, True)
    assert creates(linked) == [("invoices", "key-1")]
    with pytest.raises(PushRejected):
        create(linked, "invoices", {**BODIES["invoices"], "note": "other"})
    assert creates(linked) == [("invoices", "key-1")]


def test_a_refused_write_leaves_its_key_free(linked):
    with pytest.raises(PushRejected):
        create(linked, "journals", {"journalCode": "x" * 21, "name": "n"})
    assert create(linked, "journals").source_id
    assert creates(linked) == [("journals", "key-1")]


# switch, what is raised, whether it was sent, whether the platform did it
ENDINGS = [
    ("reset-before", {}, OutcomeUnknown, False),
    ("reset-after", {}, OutcomeUnknown, True),
    ("error-after", {}, OutcomeUnknown, True),
    ("error-after", {"status": 503}, OutcomeUnknown, True),
    ("cut", {"bytes": 10}, OutcomeUnknown, True),
    ("broken-json", {}, OutcomeUnknown, True),
    ("html", {}, OutcomeUnknown, False),
    ("redirect", {}, OutcomeUnknown, False),
    ("error", {}, OutcomeUnknown, False),
    ("unavailable", {}, OutcomeUnknown, False),
    ("error", {"status": 408}, OutcomeUnknown, False),
    ("too-many", {"retry_after": 7}, RateLimited, False),
    ("unauthorized", {}, AuthExpired, False),
    ("forbidden", {}, PermissionMissing, False),
]


@pytest.mark.parametrize(("fault", "members", "raised", "done"), ENDINGS)
def test_every_end_of_a_write_says_whether_it_may_have_been_done(linked, fault, members, raised, done):
    change = linked.change(CREATE, "invoices", body=BODIES["invoices"])
    linked.lab.fault(fault, type="invoices", method="POST", times=1, **members)
    with pytest.raises(raised) as ending:
        push(linked, change)
    assert (type(ending.value), ending.value.sent) == (raised, True)
    assert creates(linked) == ([("invoices", "key-1")] if done else [])
    found = linked.connector.look_up(change, idempotency_key="key-1", http=linked.http)
    assert (found is not None) == done
    again = push(linked, change)  # the platform knows the key again, so this is safe
    assert again.replayed == done
    if found is not None:
        assert found.written == again.written
    assert creates(linked) == [("invoices", "key-1")]


def test_a_platform_that_takes_too_long_leaves_the_outcome_unknown(linked):
    linked.http._clock.first_byte_seconds = 0.2
    linked.lab.fault("stall", type="journals", seconds=0.5, times=1)
    with pytest.raises(OutcomeUnknown, match="did not answer within"):
        create(linked, "journals")
    linked.http._clock.first_byte_seconds = 5
    wait_until(lambda: creates(linked))
    assert create(linked, "journals").replayed
    assert creates(linked) == [("journals", "key-1")]


def test_a_key_that_is_still_being_worked_on_leaves_the_outcome_unknown(linked, lab, platform):
    """The first request waits for the business's lock; the second must not be told that nothing was done."""
    other, ends = linked_to(lab), []
    first = Thread(target=lambda: ends.append(create(other, "journals")))
    with platform.shop.writing("brightwater"):
        first.start()
        wait_until(lambda: platform.writer._answers)
        with pytest.raises(OutcomeUnknown, match="still at work") as ending:
            create(linked, "journals")
        assert ending.value.status_code == 409
    first.join()
    assert create(linked, "journals").written == ends[0].written
    assert creates(linked) == [("journals", "key-1")]
    other.http.close()


def wait_until(done):
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_platform_that_cannot_be_reached_was_not_sent_anything(linked, settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
    settings.HEADRACE_OUTBOUND_ALLOW = [place]
    change = Change("mqjo", "journals", CREATE, body=BODIES["journals"], settings={"base_url": f"http://{place}"})
    with Session() as http, pytest.raises(SourceUnavailable) as ending:
        linked.connector.push(change, idempotency_key="k", http=http)
    assert (ending.value.sent, creates(linked)) == (False, [])


def test_an_empty_budget_sends_nothing(linked, monkeypatch):
    monkeypatch.setattr("syncengine.limits.take", lambda budgets: 60.0)
    with pytest.raises(RateLimited) as ending:
        create(linked, "journals")
    assert (ending.value.sent, creates(linked)) == (False, [])


def test_many_callers_with_one_key_write_once(linked, lab):
    others = [linked_to(lab) for _ in range(10)]
    ends = []

    def call(own):
        try:
            ends.append(create(own, "customers").source_id)
        except OutcomeUnknown:
            ends.append(None)

    callers = [Thread(target=call, args=(own,)) for own in others]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for other in others:
        other.http.close()
    assert len(ends) == 10
    assert len({end for end in ends if end}) == 1
    assert creates(linked) == [("customers", "key-1")]


def test_what_bears_no_such_key_is_not_found_and_other_operations_cannot_be_searched(linked):
    change = linked.change(CREATE, "bankTransactions", record_id="bnk_00000001")
    assert linked.connector.look_up(change, idempotency_key="nobody", http=linked.http) is None
    rows = {"transactions": [{"clearedOnDate": "2026-10-30", "amount": 1}]}
    receipt = create(linked, "bankTransactions", rows, record_id="bnk_00000001")
    assert linked.connector.look_up(change, idempotency_key="key-1", http=linked.http).written == receipt.written
    for operation in (UPDATE, DELETE):
        with pytest.raises(NotSupported):
            linked.connector.look_up(
                linked.change(operation, "customers", record_id="x"), idempotency_key="k", http=linked.http
            )


# --- the model


def test_the_model_of_an_account_is_the_contracts_example(linked):
    option = linked.connector.options("chartOfAccounts", settings=linked.settings, http=linked.http).as_wire()
    properties = option.pop("properties")
    assert option == {
        "type": "Object",
        "displayName": "Nominal Account",
        "description": "Nominal Accounts are the categories a business uses to record transactions",
        "required": True,
    }
    assert [*properties][:2] == ["nominalCode", "name"]
    assert [*properties][-1] == "fullyQualifiedCategory"
    assert properties["nominalCode"] == {
        "type": "String",
        "displayName": "Nominal Code",
        "description": "Identifier for the nominal account.",
        "required": True,
        "validation": {
            "warnings": [{"field": "NominalCode", "details": "Max length of 10 characters."}],
            "information": [],
        },
    }
    name = properties["name"]
    assert (name["type"], name["displayName"], name["required"]) == ("String", "Name", True)
    assert name["description"] == "Name of account as it appears in the chart of accounts or general ledger."
    assert (name["validation"]["warnings"], len(name["validation"]["information"])) == ([], 1)
    category = properties["fullyQualifiedCategory"]
    assert category.pop("options")[0] == {
        "value": "Asset.Current",
        "type": "String",
        "displayName": "Current Asset",
        "required": False,
    }
    assert category == {
        "type": "String",
        "displayName": "Fully Qualified Category",
        "description": "Account type and category for nominal account.",
        "required": True,
    }
    assert {path for path, inner in properties.items() if inner["required"]} == {
        "nominalCode", "name", "fullyQualifiedCategory"
    }  # fmt: skip


@pytest.mark.parametrize("data_type", WRITABLE)
def test_every_model_asks_for_what_the_platform_asks_for(linked, data_type):
    """An empty body is refused for just the members that the model calls required."""
    option = linked.connector.options(data_type, settings=linked.settings, http=linked.http)
    record_id = "bnk_00000001" if data_type == "bankTransactions" else ""
    with pytest.raises(PushRejected) as refusal:
        push(linked, linked.change(CREATE, data_type, record_id=record_id, body={"unheard": "of"}))
    refused = {issue.item_id.partition(".")[0].partition("[")[0] for issue in refusal.value.issues}
    required = {name[:1].upper() + name[1:] for name, inner in option.properties.items() if inner.required}
    assert refused == required


def test_types_that_cannot_be_written_have_no_model(linked):
    with pytest.raises(NotSupported):
        linked.connector.options("taxRates", settings=linked.settings, http=linked.http)
