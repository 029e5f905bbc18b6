from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.connectors.base import MappedRecord, RecordRefused
from syncengine.connectors.mapping import Mapper
from tests.syncengine.connectors.helpers import HEAD, make_manifest


def make_mapper(fields, head='key = "id"', data_type="invoices", zone="UTC"):
    manifest = make_manifest(
        HEAD, f'[types.{data_type}]\nendpoint = "/x"\n{head}\n[types.{data_type}.fields]\n{fields}'
    )
    return Mapper(manifest.types[data_type], zone)


def content_of(fields, raw, **options):
    content = make_mapper(fields, **options).map_record({"id": "1", **raw}).content
    content.pop("id", None)
    return content


INVOICE = """
invoiceNumber = "number"
issueDate = "issued"
dueDate = "due"
currency = { from = "currency", default = "GBP" }
totalAmount = "totals.gross"
totalTaxAmount = { from = ["totals.tax", "totals.vat"] }
amountDue = { sum = ["totals.gross", "-totals.paid"] }
status = { from = "state", words = { open = "Submitted", paid = "Paid" }, otherwise = "Unknown" }
note = { constant = "From the books" }
customerRef = { from = "customer", object = { id = "id", companyName = "name" } }

[types.invoices.fields.lineItems]
each = "lines"
[types.invoices.fields.lineItems.object]
description = "text"
quantity = "quantity"
unitAmount = "price"
taxAmount = { from = "tax", negate = true }
accountRef = { object = { id = "account" } }
trackingCategoryRefs = { each = "tags", object = { id = "id", name = { constant = "Tag" } } }
"""
INVOICE_HEAD = 'key = "id"\nmodified = "changed"\ndeleted = "gone"'


def test_a_whole_invoice():
    raw = {
        "id": 17,
        "number": "INV-17",
        "issued": "2026-01-31",
        "due": None,
        "totals": {"gross": Decimal("120.00"), "vat": 20, "paid": Decimal("20.50")},
        "state": "open",
        "customer": {"id": "c1", "name": "Greene & Söhne"},
        "lines": [
            {
                "text": "Paint",
                "quantity": 2,
                "price": Decimal("50.00"),
                "tax": 20,
                "account": "200",
                "tags": [{"id": 1}, {"id": "b"}],
            },
            {"quantity": "1", "price": "0.00"},
        ],
        "changed": "2026-02-01T10:00:00+02:00",
    }

    assert make_mapper(INVOICE, INVOICE_HEAD).map_record(raw) == MappedRecord(
        source_id="17",
        content={
            "invoiceNumber": "INV-17",
            "issueDate": "2026-01-31T00:00:00",
            "currency": "GBP",
            "totalAmount": Decimal("120.00"),
            "totalTaxAmount": 20,
            "amountDue": Decimal("99.50"),
            "status": "Submitted",
            "note": "From the books",
            "customerRef": {"id": "c1", "companyName": "Greene & Söhne"},
            "lineItems": [
                {
                    "description": "Paint",
                    "quantity": 2,
                    "unitAmount": Decimal("50.00"),
                    "taxAmount": -20,
                    "accountRef": {"id": "200"},
                    "trackingCategoryRefs": [{"id": "1", "name": "Tag"}, {"id": "b", "name": "Tag"}],
                },
                {"quantity": Decimal(1), "unitAmount": Decimal("0.00")},
            ],
            "id": "17",
        },
        source_modified_at=datetime(2026, 2, 1, 8, tzinfo=UTC),
        is_deleted=False,
    )


@pytest.mark.parametrize(
    ("raw", "path", "reason"),
    [
        ({"issued": "/Date(1700000000000)/"}, "issued", "'/Date(1700000000000)/' came where an ISO date was expected"),
        ({"totals": {"gross": "abc"}}, "totals.gross", "'abc' came where an amount was expected"),
        ({"totals": {"gross": True}}, "totals.gross", "true or false came where an amount was expected"),
        ({"totals": {"gross": 1, "paid": []}}, "totals.paid", "a list came where an amount was expected"),
        ({"number": {"x": 1}}, "number", "an object came where a text was expected"),
        ({"customer": []}, "customer", "a list came where an object was expected"),
        ({"customer": {"id": True}}, "customer.id", "true or false came where a text was expected"),
        ({"lines": {}}, "lines", "an object came where a list was expected"),
        ({"lines": [{}, 5]}, "lines.1", "a number came where an object was expected"),
        ({"lines": [{}, {"price": "a lot"}]}, "lines.1.price", "'a lot' came where an amount was expected"),
        ({"lines": [{"tags": [{}, []]}]}, "lines.0.tags.1", "a list came where an object was expected"),
        ({"changed": "yesterday"}, "changed", "'yesterday' came where an ISO date was expected"),
        ({"state": ["open"]}, "state", "a list came where a text was expected"),
    ],
)
def test_a_wrong_value_refuses_the_record_by_name(raw, path, reason):
    with pytest.raises(RecordRefused) as refusal:
        make_mapper(INVOICE, INVOICE_HEAD).map_record({"id": "9", **raw})

    assert (refusal.value.path, refusal.value.reason, refusal.value.source_id) == (path, reason, "9")


@pytest.mark.parametrize("raw", [None, 5, "x", [], True, Decimal(1)])
def test_what_is_no_object_is_no_record(raw):
    with pytest.raises(RecordRefused, match="came where a record was expected"):
        make_mapper(INVOICE).map_record(raw)


@pytest.mark.parametrize(
    ("spec", "raw", "value"),
    [
        ("'a'", {"a": ""}, ""),
        ("'a'", {"a": 5}, "5"),
        ("{ from = ['a', 'b.c'] }", {"a": "", "b": {"c": "x"}}, "x"),
        ("{ from = ['a', 'b'], default = 'z' }", {"b": None}, "z"),
        ("{ from = 'list.1' }", {"list": ["x", "y"]}, "y"),
        ("{ from = '\"odd.name\".x' }", {"odd.name": {"x": "v"}}, "v"),
        ("{ from = 'a', words = { true = 'yes', 1 = 'one', '' = 'never' } }", {"a": True}, "yes"),
        ("{ from = 'a.b.c' }", {"a": {"b": {"c": "deep"}}}, "deep"),
    ],
)
def test_texts(spec, raw, value):
    assert content_of(f"note = {spec}", raw) == {"note": value}


@pytest.mark.parametrize(
    ("spec", "raw"),
    [
        ("note = 'a'", {}),
        ("note = 'a'", {"a": None}),
        ("note = 'a.b'", {"a": "text"}),
        ("note = 'a.0'", {"a": {"0": "x"}}),
        ("issueDate = 'a'", {"a": ""}),
        ("totalAmount = 'a'", {"a": ""}),
        ("status = 'a'", {"a": ""}),
        ("totalAmount = { sum = ['a', '-b'] }", {"a": None}),
        ("customerRef = { object = { id = 'a' } }", {}),
        ("customerRef = { from = 'c', object = { id = 'a' } }", {"c": {}}),
        ("customerRef = { object = { id = 'a', companyName = { constant = 'x' } } }", {}),
        ("customerRef = { from = 'c', object = { id = 'a', companyName = { constant = 'x' } } }", {"c": {}}),
        ("lineItems = { each = 'a', object = { quantity = 'b' } }", {"a": None}),
        ("paymentAllocations = { list = [{ object = { payment = { object = { id = 'x' } } } }] }", {}),
    ],
)
def test_nothing_is_left_out(spec, raw):
    assert content_of(spec, raw) == {}


@pytest.mark.parametrize(
    ("spec", "raw", "content"),
    [
        ("status = 'a'", {"a": "Paid"}, {"status": "Paid"}),
        ("customerRef = { object = { id = { constant = 'x' } } }", {}, {"customerRef": {"id": "x"}}),
        ("issueDate = { from = 'a', as = 'msdate' }", {"a": "/Date(0)/"}, {"issueDate": "1970-01-01T00:00:00Z"}),
        ("issueDate = { from = 'a', as = 'day' }", {"a": "2026-01-31T09:00:00Z"}, {"issueDate": "2026-01-31T00:00:00"}),
        (
            "issueDate = { from = 'a', zone = 'Asia/Tokyo' }",
            {"a": "2026-01-31T09:00:00"},
            {"issueDate": "2026-01-31T00:00:00Z"},
        ),
        ("totalAmount = { from = 'a', negate = true }", {"a": Decimal("1.5")}, {"totalAmount": Decimal("-1.5")}),
        ("totalAmount = { sum = ['a', '-b'], negate = true }", {"a": 1, "b": 3}, {"totalAmount": 2}),
        ("totalAmount = { from = 'a', default = 2.5 }", {}, {"totalAmount": Decimal("2.5")}),
        ("lineItems = { each = 'a', object = { quantity = 'b' } }", {"a": []}, {"lineItems": []}),
        ("salesOrderRefs = { each = 'a', as = 'text' }", {"a": [1, "x"]}, {"salesOrderRefs": ["1", "x"]}),
        (
            "paymentAllocations = { list = [{ object = { payment = { object = { id = 'x' } } } }] }",
            {"x": "p"},
            {"paymentAllocations": [{"payment": {"id": "p"}}]},
        ),
    ],
)  # fmt: skip
def test_values(spec, raw, content):
    assert content_of(spec, raw) == content


def test_booleans_from_words():
    fields = "isBankAccount = { from = 'kind', words = { BANK = true }, otherwise = false }"

    found = [content_of(fields, {"kind": kind}, data_type="chartOfAccounts") for kind in ("BANK", "SALES")]

    assert found == [{"isBankAccount": True}, {"isBankAccount": False}]


def test_an_unknown_word_without_otherwise_refuses_the_record():
    with pytest.raises(RecordRefused, match="'lost' is not one of"):
        content_of("status = 'a'", {"a": "lost"})


def test_trees():
    fields = """
[types.balanceSheet.fields.reports]
each = "reports"
[types.balanceSheet.fields.reports.object]
date = "on"
assets.from = "assets"
assets.object.name = "name"
assets.object.value = "sum"
assets.object.items = { each = "rows", repeat = { items = "rows" }, object = { name = "name", value = "sum" } }
"""
    leaf = {"name": "Till", "sum": 1}
    raw = {
        "reports": [
            {
                "on": "2026-01-31",
                "assets": {"name": "Assets", "sum": 1, "rows": [{"name": "Cash", "sum": 1, "rows": [leaf]}]},
            }
        ]
    }

    assert content_of(fields, raw, data_type="balanceSheet", head="single = true") == {
        "reports": [
            {
                "date": "2026-01-31T00:00:00",
                "assets": {
                    "name": "Assets",
                    "value": 1,
                    "items": [{"name": "Cash", "value": 1, "items": [{"name": "Till", "value": 1}]}],
                },
            }
        ]
    }
    leaf["sum"] = "x"
    with pytest.raises(RecordRefused) as refusal:
        content_of(fields, raw, data_type="balanceSheet", head="single = true")
    assert refusal.value.path == "reports.0.assets.rows.0.rows.0.sum"


def test_keys():
    single = make_mapper("note = 'n'")
    compound = make_mapper("note = 'n'", 'key = ["a.b", "c"]')
    named = make_mapper("currency = 'n'", "single = true", "balanceSheet")

    assert [single.key_of({"id": key}) for key in ("x", 5, 0, "ü")] == ["x", "5", "0", "ü"]
    assert compound.key_of({"a": {"b": "x:y"}, "c": 1}) == r"x\:y:1"
    assert named.key_of({}) == "balanceSheet"


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5)), unique=True))
def test_different_compound_keys_stay_different(pairs):
    mapper = make_mapper("note = 'n'", 'key = ["a", "b"]')

    assert len({mapper.key_of({"a": a, "b": b}) for a, b in pairs}) == len(pairs)


@pytest.mark.parametrize("key", [None, "", True, Decimal("1.5"), [], {}, "x" * 513])
def test_a_record_without_a_usable_key_is_refused(key):
    with pytest.raises(RecordRefused) as refusal:
        make_mapper("note = 'n'").map_record({"id": key})

    assert (refusal.value.path, refusal.value.source_id) == ("id", "")


@pytest.mark.parametrize(
    ("deleted", "raw", "is_deleted"),
    [
        ("'gone'", {"gone": True}, True),
        ("'gone'", {"gone": "true"}, True),
        ("'gone'", {"gone": False}, False),
        ("'gone'", {}, False),
        ("{ from = 'state', equals = ['DELETED', 'VOIDED'] }", {"state": "VOIDED"}, True),
        ("{ from = 'state', equals = ['DELETED', 'VOIDED'] }", {"state": "PAID"}, False),
    ],
)
def test_deleted(deleted, raw, is_deleted):
    mapper = make_mapper("note = 'n'", f'key = "id"\ndeleted = {deleted}')

    assert mapper.map_record({"id": "1", **raw}).is_deleted is is_deleted


def test_a_bare_tombstone_is_enough():
    mapper = make_mapper("totalAmount = 'total'", 'key = "id"\ndeleted = "gone"')

    assert mapper.map_record({"id": "1", "gone": True, "total": "?"}) == MappedRecord("1", {"id": "1"}, None, True)


@pytest.mark.parametrize(
    ("form", "value", "moment"),
    [
        ("date", "2026-07-01T12:00:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("unix", 1769846400, datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("unix-ms", 1769846400000, datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("msdate", "/Date(1769846400000)/", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("date", None, None),
        ("date", "", None),
    ],
)
def test_modified_stamps(form, value, moment):
    mapper = make_mapper("note = 'n'", f'key = "id"\nmodified = "at"\nmodified_as = "{form}"', zone="Europe/Berlin")

    assert mapper.map_record({"id": "1", "at": value}).source_modified_at == moment


junk = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.decimals(allow_nan=False, allow_infinity=False)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)
MEMBERS = ["number", "issued", "due", "currency", "totals", "state", "customer", "lines", "changed", "gone"]
mapper_of_invoices = make_mapper(INVOICE, INVOICE_HEAD)


@given(st.dictionaries(st.sampled_from(MEMBERS), junk))
def test_junk_is_mapped_or_refused_and_nothing_else(raw):
    refused = None
    try:
        record = mapper_of_invoices.map_record({"id": "1", **raw})
    except RecordRefused as refusal:
        refused = refusal
    if refused is None:
        assert record.is_deleted or record.content["note"] == "From the books"
    else:
        assert (refused.source_id, refused.path.split(".")[0] in MEMBERS) == ("1", True)


@given(
    st.text(max_size=20), st.decimals(-(10**9), 10**9, places=2), st.dates(), st.sampled_from(["open", "paid", "??"])
)
def test_good_values_arrive_as_they_are(number, gross, day, state):
    raw = {"id": "1", "number": number, "totals": {"gross": gross}, "issued": day.isoformat(), "state": state}

    content = mapper_of_invoices.map_record(raw).content

    assert content == {
        "invoiceNumber": number,
        "issueDate": f"{day.isoformat()}T00:00:00",
        "currency": "GBP",
        "totalAmount": gross,
        "amountDue": gross,
        "status": {"open": "Submitted", "paid": "Paid"}.get(state, "Unknown"),
        "note": "From the books",
        "id": "1",
    }
