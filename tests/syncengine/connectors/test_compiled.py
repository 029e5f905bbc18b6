"""Compiled mappings give what the readers give, or leave the record to them."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.connectors.base import RecordRefused
from syncengine.connectors.registry import connector_for
from syncengine.connectors.wire import decode_record
from syncengine.exceptions import BadAnswer
from tests.syncengine.connectors.test_mapping import INVOICE, INVOICE_HEAD, junk, make_mapper

encode = msgspec.json.Encoder(decimal_format="number").encode
HEAD = 'key = "id"\nmodified = "changed"\ndeleted = "gone"'
MANY_WAYS = """
id = "id"
invoiceNumber = { from = ["number", "head.number"], default = "none" }
issueDate = { from = "issued", as = "day" }
dueDate = { from = "due", zone = "Asia/Tokyo" }
paidOnDate = { from = "paid", as = "msdate" }
currency = "head.currency"
status = { from = "state", words = { open = "Submitted", paid = "Paid", "" = "Void" }, default = "Draft" }
totalAmount = { from = "head.gross", negate = true }
subTotal = { from = "head.net", default = 0 }
amountDue = { sum = ["head.gross", "-head.paid"], negate = true }
salesOrderRefs = { each = "orders", as = "text" }
customerRef = { object = { id = "customer.id", companyName = { constant = "{Some} 'body'" } } }
paymentAllocations = { list = [{ object = { payment = { from = "head", object = { id = "pay", note = "note" } } } }] }
[types.invoices.fields.lineItems]
each = "lines"
[types.invoices.fields.lineItems.object]
description = "text"
quantity = "quantity"
isDirectIncome = "direct"
trackingCategoryRefs = { each = "tags", object = { id = "id", name = { constant = "Tag" } } }
"""


def outcome(map_it, *arguments):
    """What came of it, the order of members included: their text is hashed."""
    try:
        record = map_it(*arguments)
    except RecordRefused as refusal:
        return refusal.path, refusal.reason, refusal.source_id
    return record, encode(record.content)


def both(mapper, text):
    return outcome(mapper.map_text, text), outcome(lambda: mapper.map_record(decode_record(text)))


words = st.sampled_from(["open", "paid", "", "x", "2026-01-31", "2026-01-31T10:00:00Z", "/Date(0)/", "1.50", "id"])
amounts = st.decimals(-(10**6), 10**6, places=2)
plain = st.one_of(words, amounts, st.integers(), st.none(), st.booleans())
value = st.one_of(plain, plain, junk)
head = st.dictionaries(st.sampled_from(["number", "currency", "gross", "net", "paid", "pay", "note"]), value)
line = st.dictionaries(st.sampled_from(["text", "quantity", "direct", "price", "tax", "account", "tags"]), value)
record = st.fixed_dictionaries(
    {"id": st.one_of(st.just("1"), st.just("1"), value)},
    optional={
        **dict.fromkeys(("number", "issued", "due", "paid", "state", "changed", "gone", "orders", "vat"), value),
        "head": st.one_of(head, value),
        "totals": st.one_of(st.dictionaries(st.sampled_from(["gross", "tax", "vat", "paid"]), value), value),
        "customer": st.one_of(st.dictionaries(st.sampled_from(["id", "name"]), value), value),
        "lines": st.one_of(st.lists(line, max_size=3), value),
    },
)
mappers = {name: make_mapper(fields, head) for name, fields, head in
           [("invoice", INVOICE, INVOICE_HEAD), ("many ways", MANY_WAYS, HEAD)]}  # fmt: skip


@pytest.mark.parametrize("name", mappers)
@given(raw=record)
def test_a_compiled_mapping_gives_what_the_readers_give(name, raw):
    swift, slow = both(mappers[name], encode(raw))

    assert swift == slow


@pytest.mark.parametrize("name", mappers)
def test_what_is_usual_needs_no_readers(name, monkeypatch):
    mapper = mappers[name]
    usual = {
        "id": "1", "number": "7", "issued": "2026-01-31", "state": "open", "changed": "2026-02-01T10:00:00Z",
        "head": {"gross": Decimal("1.50"), "net": 1}, "totals": {"gross": Decimal("1.50")},
        "customer": {"id": "c", "name": "n"}, "lines": [{"text": "t", "quantity": 2, "tags": [{"id": 5}]}],
    }  # fmt: skip
    expected = mapper.map_record(decode_record(encode(usual)))
    monkeypatch.setattr(mapper, "map_record", None)

    assert mapper.map_text(encode(usual)) == expected


@pytest.mark.parametrize("platform", ["mqjo", "gbol"])
def test_every_list_of_our_platforms_is_compiled(platform):
    connector = connector_for(platform)
    compiled = {name: connector._mappers[name]._swift.__name__ for name in connector.manifest.types}

    assert compiled == {
        name: "<lambda>" if found.single else "map_text" for name, found in connector.manifest.types.items()
    }


@pytest.mark.parametrize(
    "fields",
    [
        "note = 'list.1'",
        "note = 'a'\ncurrency = 'a.b'",
        "lineItems = { each = 'a', object = { quantity = 'b' } }\nnote = 'a'",
        "lineItems = { each = 'a', object = { quantity = '.' } }",
    ],
)
def test_what_cannot_be_compiled_is_left_to_the_readers(fields):
    mapper = make_mapper(fields)
    text = encode({"id": "1", "list": ["x", "y"], "a": [{"b": 2}]})

    assert mapper._swift(text) is None
    assert both(mapper, text)[0] == both(mapper, text)[1]


@pytest.mark.parametrize(
    "text",
    [b'{"id":"1","number":1e9999}', b'{"id":"1","lines":[' + b"[" * 120 + b"]" * 120 + b"]}", b"[]", b"7"],
)
def test_what_is_no_fit_record_is_refused_alike(text):
    mapper = mappers["invoice"]

    for look in (mapper.map_text, lambda text: mapper.map_record(decode_record(text))):
        with pytest.raises((RecordRefused, BadAnswer)):
            look(text)


def test_numbers_keep_every_digit():
    text = b'{"id":"1","totals":{"gross":12345678901234567890.123456789012345678901}}'

    assert mappers["invoice"].map_text(text).content["totalAmount"] == Decimal(
        "12345678901234567890.123456789012345678901"
    )
    assert b'"totalAmount":12345678901234567890.123456789012345678901,' in encode(
        mappers["invoice"].map_text(text).content
    )


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=3), max_size=5))
def test_numbers_seen_before_are_the_same_numbers(numbers):
    text = encode({"id": "1", "lines": [{"quantity": number, "price": number} for number in numbers]})
    content = mappers["invoice"].map_text(text).content

    assert [(line["quantity"], line["unitAmount"]) for line in content["lineItems"]] == [(n, n) for n in numbers]
