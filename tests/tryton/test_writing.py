"""Writes to a real Tryton: its own model, its own refusals, and records that a read brings back as written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from syncengine.connectors.attachments import File
from syncengine.connectors.changes import Change, Operation, WriteSupport
from syncengine.connectors.platforms import features
from syncengine.exceptions import (
    BadAnswer,
    NotSupported,
    PushIssue,
    PushRejected,
    SourceChanged,
    SourceRefused,
)
from tests.tryton.reading import link

CREATE, UPDATE, DELETE, UPLOAD = Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.UPLOAD
PARTY = {
    "customerName": "Hillside Hotel",
    "emailAddress": "desk@hillside.example",
    "phone": "+44 20 7946 0000",
    "addresses": [{"type": "Billing", "line1": "1 Hill", "line2": "Rear", "city": "Leeds", "postalCode": "LS1"}],
}


@pytest.fixture
def reader(tryton, person):
    return link(tryton, person)


@pytest.fixture
def push(reader):
    def push(operation, data_type, **members):
        change = Change("tryt", data_type, operation, settings=reader.settings, **members)
        with reader.session() as http:
            return reader.connector.push(change, idempotency_key="k", http=http)

    return push


def options(reader, data_type):
    with reader.session() as http:
        return reader.connector.options(data_type, settings=reader.settings, http=http)


def test_a_party_is_written_read_changed_and_deleted(reader, push):
    [written] = push(CREATE, "customers", body=PARTY).written
    assert written.record.content == {
        "id": written.source_id,
        "customerName": "Hillside Hotel",
        "emailAddress": "desk@hillside.example",
        "phone": "+44 20 7946 0000",
        "addresses": [
            {"type": "Unknown", "line1": "1 Hill", "line2": "Rear", "city": "Leeds", "postalCode": "LS1"}
        ],
        "status": "Active",
    }  # fmt: skip
    assert reader.read("customers").records[written.source_id] == written.record.content
    changed = push(
        UPDATE,
        "customers",
        record_id=written.source_id,
        body={"emailAddress": "new@hillside.example", "phone": None, "addresses": [{"city": "York"}, {"city": "Hull"}]},
    ).written[0]
    assert changed.record.content == {
        "id": written.source_id,
        "customerName": "Hillside Hotel",
        "emailAddress": "new@hillside.example",
        "addresses": [
            {"type": "Unknown", "city": "York"},
            {"type": "Unknown", "city": "Hull"},
        ],
        "status": "Active",
    }
    assert push(DELETE, "customers", record_id=written.source_id).source_id == written.source_id
    with pytest.raises(SourceRefused) as gone:
        push(DELETE, "customers", record_id=written.source_id)
    assert (gone.value.status_code, gone.value.sent) == (404, False)


def test_an_item_is_written_with_its_template_and_deleted_with_it(reader, push, person):
    body = {
        "name": "Rye",
        "code": "RYE",
        "type": "Service",
        "invoiceItem": {"unitPrice": 4.5},
        "billItem": {"unitPrice": "2"},
    }
    [written] = push(CREATE, "items", body=body).written
    content = written.record.content
    assert (content["name"], content["code"], content["type"]) == ("Rye", "RYE", "Service")
    assert (content["invoiceItem"]["unitPrice"], content["billItem"]["unitPrice"]) == (Decimal("4.5"), Decimal(2))
    changed = push(
        UPDATE, "items", record_id=written.source_id, body={"name": "Rye loaf", "billItem": {"unitPrice": 3}}
    )
    assert changed.written[0].record.content["name"] == "Rye loaf"
    assert changed.written[0].record.content["billItem"]["unitPrice"] == 3
    push(DELETE, "items", record_id=written.source_id)
    assert person.all("product.template", ["name"], ["name", "=", "Rye loaf"]) == []


def test_an_account_takes_its_type_from_the_companys_own_list(reader, push):
    model = options(reader, "chartOfAccounts")
    [category] = [choice.value for choice in model.properties["fullyQualifiedCategory"].options][:1]
    body = {"nominalCode": "9900", "name": "Tests", "fullyQualifiedCategory": category, "description": "For tests"}
    [written] = push(CREATE, "chartOfAccounts", body=body).written
    content = written.record.content
    assert {name: content[name] for name in body} == body
    assert push(UPDATE, "chartOfAccounts", record_id=written.source_id, body={"name": "More tests"}).written[
        0
    ].record.content == {**content, "name": "More tests"}
    push(DELETE, "chartOfAccounts", record_id=written.source_id)
    assert written.source_id not in reader.read("chartOfAccounts").records


def test_what_cannot_be_written_names_the_member_before_it_is_sent(reader, push):
    cases = [
        ("customers", {}, "CustomerName", "must be provided."),
        ("customers", {"customerName": "x", "addresses": [{"country": "ZZ"}]}, "Addresses[0].Country", "two-letter"),
        ("chartOfAccounts", {"name": "x", "fullyQualifiedCategory": "Nowhere"}, "FullyQualifiedCategory", "path"),
        ("items", {"name": "x", "type": "Magic"}, "Type", "must be one of"),
        ("items", {"name": "x", "invoiceItem": {"unitPrice": "abc"}}, "InvoiceItem.UnitPrice", "number"),
    ]
    for data_type, body, item_id, words in cases:
        with pytest.raises(PushRejected) as refusal:
            push(CREATE, data_type, body=body)
        [issue] = refusal.value.issues
        assert (issue.item_id, words in issue.message, refusal.value.sent) == (item_id, True, False)


def test_trytons_own_refusal_comes_in_its_words_and_names_the_member(reader, push):
    category = options(reader, "chartOfAccounts").properties["fullyQualifiedCategory"].options[0].value
    with pytest.raises(PushRejected) as refusal:
        push(CREATE, "chartOfAccounts", body={"nominalCode": "1", "fullyQualifiedCategory": category})
    [issue] = refusal.value.issues
    assert issue == PushIssue("Name", issue.message, "Account")
    assert issue.message.startswith('A value is required for field "Name" in record')
    assert (refusal.value.status_code, refusal.value.sent) == (400, True)


def test_a_record_that_is_used_cannot_be_deleted(reader, push):
    used = next(iter(reader.read("invoices").records.values()))["customerRef"]["id"]
    with pytest.raises(PushRejected, match="could not be deleted because") as refusal:
        push(DELETE, "customers", record_id=used)
    assert refusal.value.sent


def test_a_change_made_on_an_old_copy_is_refused_unless_it_is_forced(reader, push):
    [seen] = push(CREATE, "suppliers", body={"supplierName": "Mill"}).written
    push(UPDATE, "suppliers", record_id=seen.source_id, body={"supplierName": "Mill & Co"})
    about = {"record_id": seen.source_id, "if_unmodified_since": seen.record.source_modified_at}
    with pytest.raises(SourceChanged) as refusal:
        push(UPDATE, "suppliers", body={"supplierName": "Other"}, **about)
    assert not refusal.value.sent
    forced = push(UPDATE, "suppliers", body={"supplierName": "Other"}, force=True, **about)
    assert forced.written[0].record.content["supplierName"] == "Other"


def test_the_model_is_trytons_own_description(reader):
    model = options(reader, "customers")
    assert (model.type, [*model.properties]) == (
        "Object", ["customerName", "emailAddress", "phone", "addresses", "status"]
    )  # fmt: skip
    assert [*model.properties["addresses"].properties] == ["line1", "line2", "city", "postalCode", "country"]
    assert model.properties["status"].description == "Uncheck to exclude from future use."
    assert [choice.value for choice in model.properties["status"].options] == ["Active", "Archived"]
    account = options(reader, "chartOfAccounts")
    assert {name for name, inner in account.properties.items() if inner.required} == {"name", "fullyQualifiedCategory"}
    with pytest.raises(NotSupported):
        options(reader, "invoices")


def test_files_are_listed_downloaded_and_uploaded(reader, push, person, settings):
    [bill] = list(reader.read("bills").records)[:1]
    content = b"%PDF-1.4\n" + bytes(range(256)) * 20
    receipt = push(UPLOAD, "bills", record_id=bill, file=File(content, "application/pdf", "bill.pdf"))
    with reader.session() as http:
        context = {"settings": reader.settings, "http": http}
        [listed] = reader.connector.attachments("bills", bill, **context)
        assert (listed.id, listed.name, listed.content_type, listed.file_size) == (
            receipt.attachment_id, "bill.pdf", "application/pdf", len(content)
        )  # fmt: skip
        assert reader.connector.attachment("bills", bill, listed.id, **context) == listed
        assert reader.connector.download("bills", bill, listed.id, **context) == File(
            content, "application/pdf", "bill.pdf"
        )
        for record_id, attachment_id in ((bill, "999999"), ("999999", listed.id), (bill, "../1")):
            with pytest.raises(SourceRefused) as refusal:
                reader.connector.download("bills", record_id, attachment_id, **context)
            assert refusal.value.status_code == 404
        with pytest.raises(SourceRefused):
            reader.connector.attachments("bills", "999999", **context)
        settings.HEADRACE_MAX_FILE_BYTES = 100
        with pytest.raises(BadAnswer, match="100 is the most"):
            reader.connector.download("bills", bill, listed.id, **context)
    with pytest.raises(SourceRefused):
        push(UPLOAD, "bills", record_id="999999", file=File(b"x", "text/plain", "x"))


def test_what_tryton_offers_is_said_in_its_features(reader):
    platform = reader.connector.platform
    files = ("DownloadAttachment", "GetAttachment", "GetAttachments")
    assert features(platform, "customers") == ("Get", "Post", "Put", "Delete", *files)
    assert features(platform, "bills") == ("Get", *files, "UploadAttachment")
    assert features(platform, "taxRates") == ("Get",)
    assert platform.types["items"].write("Create") == WriteSupport(CREATE, idempotent=False, searchable=False)
