"""Every record of every type, and what makes an incremental read of Tryton hard, against the real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from syncengine.connectors.base import FetchPlan
from syncengine.connectors.tryton.connector import PLATFORM
from syncengine.exceptions import NotSupported, PermissionMissing, PrerequisiteMissing, SourceRefused
from syncengine.states import ReadMode
from syncengine.validation import validate_record
from tests.tryton.expected import expected
from tests.tryton.lab import Server
from tests.tryton.person import Person
from tests.tryton.reading import Reader, link


@pytest.fixture(scope="module")
def reader(tryton: Server, person: Person, django_db_blocker: Any) -> Iterator[Reader]:
    from django.test import override_settings

    with override_settings(HEADRACE_OUTBOUND_ALLOW=[f"127.0.0.1:{tryton.port}"]):
        yield link(tryton, person)


@pytest.fixture
def moment(person: Person) -> datetime:
    """Now, by Tryton's clock: everything seeded lies before it, everything a test does from here on lies after."""
    party = person.do("party.party.create", [{"name": "Clock"}])[0]
    stamp = person.all("party.party", ["create_date"], ["id", "=", party])[0]["create_date"]
    person.do("party.party.delete", [party])
    return stamp + timedelta(microseconds=1)


@pytest.mark.parametrize("data_type", list(PLATFORM.types))
def test_a_full_read_holds_what_a_person_sees(reader, person, data_type):
    read = reader.read(data_type)

    assert read.records == expected(person, data_type)
    assert read.records
    assert read.known == set()


@pytest.mark.parametrize("data_type", list(PLATFORM.types))
def test_every_record_passes_validation(reader, data_type):
    read = reader.read(data_type)

    assert [issue for content in read.records.values() for issue in validate_record(data_type, content)] == []


@pytest.mark.parametrize("data_type", ["invoices", "customers", "journalEntries", "chartOfAccounts"])
def test_the_size_of_the_pages_changes_nothing(reader, data_type):
    whole, small = reader.read(data_type), reader.read(data_type, page_size=7)

    assert small.records == whole.records
    assert small.pages > whole.pages


def test_an_undisturbed_company_brings_no_changes_but_names_every_id(reader, person, moment):
    for data_type, support in PLATFORM.types.items():
        if support.incremental:
            read = reader.read(data_type, since=moment)
            assert (data_type, read.records, read.known) == (data_type, {}, set(expected(person, data_type)))


def test_a_new_row_is_read_though_its_write_date_is_null(reader, person, moment):
    journal = person.one("account.journal", ["type", "=", "general"])
    period = person.one("account.period", ["type", "=", "standard"])
    first_day = person.all("account.period", ["start_date"], ["id", "=", period])[0]["start_date"]
    move = person.do(
        "account.move.create",
        [{"journal": journal, "period": period, "date": first_day, "company": person.context["company"]}],
    )[0]

    assert person.all("account.move", ["write_date"], ["id", "=", move])[0]["write_date"] is None
    assert list(reader.read("journalEntries", since=moment).records) == [str(move)]


def test_a_new_account_brings_the_whole_chart(reader, person, moment):
    revenue = person.all("account.account", ["type"], ["code", "=", "7001"])[0]["type"]
    account = person.do(
        "account.account.create",
        [{"code": "7999", "name": "Slip hire", "type": revenue, "company": person.context["company"]}],
    )[0]
    read = reader.read("chartOfAccounts", since=moment)

    assert person.all("account.account", ["write_date"], ["id", "=", account])[0]["write_date"] is None
    assert read.records == expected(person, "chartOfAccounts")
    assert str(account) in read.records


def test_a_line_changed_by_itself_brings_its_invoice(reader, person, moment):
    draft = person.all("account.invoice", ["lines"], ["type", "=", "out"], ["state", "=", "draft"])[0]
    before = person.all("account.invoice", ["write_date"], ["id", "=", draft["id"]])
    person.do("account.invoice.line.write", [draft["lines"][0]], {"description": "Rewritten"})
    read = reader.read("invoices", since=moment)

    assert person.all("account.invoice", ["write_date"], ["id", "=", draft["id"]]) == before
    assert read.records == {str(draft["id"]): expected(person, "invoices")[str(draft["id"])]}


def test_an_address_switched_off_brings_its_party(reader, person, moment):
    """Tryton's dotted search would not see the row any more: it is inactive, and the party was not written."""
    address = person.all("party.address", ["party"], ["party.code", "=", "P00021"])[0]
    person.do("party.address.write", [address["id"]], {"active": False})
    key = str(address["party"])

    for data_type in ("customers", "suppliers"):
        assert reader.read(data_type, since=moment).records == {key: expected(person, data_type)[key]}


def test_a_renamed_party_brings_its_documents(reader, person, moment):
    bill = person.all("account.invoice", ["party"], ["type", "=", "in"])[0]
    person.do("party.party.write", [bill["party"]], {"name": "Renamed & Sons"})
    books = expected(person, "bills")

    wanted = {key: row for key, row in books.items() if row["supplierRef"]["id"] == str(bill["party"])}
    assert reader.read("bills", since=moment).records == wanted
    assert wanted


def test_a_party_switched_off_is_read_as_archived(reader, person, moment):
    party = person.one("party.party", ["code", "=", "P00033"])
    person.do("party.party.write", [party], {"active": False})
    read = reader.read("customers", since=moment)

    assert {key: content["status"] for key, content in read.records.items()} == {str(party): "Archived"}
    assert str(party) in read.known


def test_a_new_price_brings_its_item(reader, person, moment):
    product = person.all("product.product", ["template"], ["code", "=", "A004"])[0]
    person.do("product.template.write", [product["template"]], {"list_price": Decimal("77.70")})
    read = reader.read("items", since=moment)

    assert {key: item["invoiceItem"]["unitPrice"] for key, item in read.records.items()} == {
        str(product["id"]): Decimal("77.70")
    }


def test_a_changed_category_brings_every_item(reader, person, moment):
    category = person.one("product.category", ["name", "=", "Quayside goods"])
    account = person.one("account.account", ["code", "=", "7002"])
    person.do("product.category.write", [category], {"account_revenue": account})
    read = reader.read("items", since=moment)

    assert read.records == expected(person, "items")
    assert {item["invoiceItem"]["accountRef"]["id"] for item in read.records.values()} == {str(account)}


def test_a_payment_brings_its_invoice_as_paid(reader, person, moment):
    posted = person.all(
        "account.invoice", ["invoice_date", "total_amount"], ["type", "=", "out"], ["state", "=", "posted"]
    )
    invoice = [row for row in posted if row["total_amount"] > 0][-1]
    form = {
        "payment_method": person.one("account.invoice.payment.method"),
        "date": invoice["invoice_date"],
        **_proposed_payment(person, invoice["id"]),
    }
    person.wizard("account.invoice.pay", invoice["id"], "account.invoice", form, "choice")
    read = reader.read("invoices", since=moment)
    key = str(invoice["id"])

    assert read.records == {key: expected(person, "invoices")[key]}
    assert read.records[key]["status"] == "Paid"


def test_a_deleted_row_is_missing_from_the_sweep(reader, person, moment):
    invoice = person.one("account.invoice", ["type", "=", "out"], ["state", "=", "draft"])
    party = person.do("party.party.create", [{"name": "Passing trade"}])[0]
    before = reader.read("invoices", since=moment), reader.read("customers", since=moment)
    person.do("account.invoice.delete", [invoice])
    person.do("party.party.delete", [party])
    after = reader.read("invoices", since=moment), reader.read("customers", since=moment)

    assert [old.known - new.known for old, new in zip(before, after, strict=True)] == [{str(invoice)}, {str(party)}]
    assert after[0].known == set(expected(person, "invoices"))


def test_an_invoice_turned_round_leaves_the_invoices_and_joins_the_credit_notes(reader, person, moment):
    draft = person.all("account.invoice", ["lines"], ["type", "=", "out"], ["state", "=", "draft"])[-4]
    for line in person.all("account.invoice.line", ["quantity"], ["id", "in", draft["lines"]], ["type", "=", "line"]):
        person.do("account.invoice.line.write", [line["id"]], {"quantity": -line["quantity"]})
    invoices, credits = reader.read("invoices", since=moment), reader.read("creditNotes", since=moment)
    key = str(draft["id"])

    assert (key in invoices.records, key in invoices.known) == (False, False)
    assert credits.records == {key: expected(person, "creditNotes")[key]}
    assert key in credits.known


def test_a_row_dated_before_the_last_read_is_inside_the_overlap(reader, person):
    """A long write becomes visible late, dated from its start. The engine begins that much earlier; so must we read."""
    party = person.do("party.party.create", [{"name": "Late arrival"}])[0]
    stamp = person.all("party.party", ["create_date"], ["id", "=", party])[0]["create_date"]
    last_read = stamp + timedelta(minutes=PLATFORM.overlap_minutes - 1)

    assert str(party) not in reader.read("customers", since=last_read).records
    assert str(party) in reader.read("customers", since=last_read - timedelta(minutes=PLATFORM.overlap_minutes)).records


def test_documents_before_the_window_are_left_out(reader, person):
    books = expected(person, "invoices")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    undated = {str(row["id"]) for row in person.all("account.invoice", ["state"], ["invoice_date", "=", None])}

    assert set(reader.read("invoices", not_before=tomorrow).records) == undated & set(books)


def test_the_clerk_without_rights_is_told_what_is_missing(tryton, person):
    clerk = link(tryton, person, user="clerk")

    assert len(clerk.read("customers").records) > 200
    with pytest.raises(PermissionMissing) as refusal:
        clerk.read("journalEntries")
    assert refusal.value.headline.startswith("The Tryton user who approved the key may not read")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"company": "99"}, "may not enter company 99"),
        ({"user": "nobody"}, "has no user “nobody”"),
        ({"database": ""}, "setting “database” is empty"),
    ],
)
def test_a_setting_that_cannot_be_right_is_named(tryton, reader, wrong, words):
    with pytest.raises(PrerequisiteMissing) as refusal:
        Reader(tryton, reader.credentials.secret["key"], **wrong).read("customers")
    assert words in refusal.value.headline


def test_an_unknown_database_is_named(tryton, reader):
    with pytest.raises(SourceRefused) as refusal:
        Reader(tryton, reader.credentials.secret["key"], database="elsewhere").read("customers")
    assert "knows no Tryton database “elsewhere”" in refusal.value.headline


def test_a_type_that_tryton_is_not_read_for(reader):
    plan = FetchPlan("tryt", "bankTransactions", ReadMode.FULL, reader.settings)

    with pytest.raises(NotSupported), reader.session() as http:
        reader.connector.fetch_page(plan, None, http)


def _proposed_payment(person: Person, invoice: int) -> dict[str, Any]:
    row = person.all(
        "account.invoice", ["amount_to_pay", "currency", "company", "account", "party"], ["id", "=", invoice]
    )[0]
    return {
        "payee": row["party"],
        "payees": [row["party"]],
        "amount": row["amount_to_pay"],
        "currency": row["currency"],
        "company": row["company"],
        "invoice_account": row["account"],
    }
