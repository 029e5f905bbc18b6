"""A form made from a model: what fills it, what is read from it, and that nothing is lost or invented on the way."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from pushops.forms.entered import from_body, from_post, row_numbers, with_row, without_row
from pushops.forms.nodes import Problems, form_nodes
from pushops.forms.reading import Unreadable, read_body, read_json
from pushops.queries.fitting import fit
from syncengine.connectors.push_options import OptionChoice, PushOption
from syncengine.connectors.registry import connector_for

CHOICES = (OptionChoice("Draft", "Draft"), OptionChoice("Open", "Open"))
REF = PushOption("Object", "Ref", properties={"id": PushOption("String", "Id", required=True)})
LINE = {
    "quantity": PushOption("Number", "Quantity", required=True),
    "itemRef": REF,
    "tags": PushOption("Array", "Tags"),
    "links": PushOption("Array", "Links", properties={"id": PushOption("String", "Id")}),
}
INVOICE = PushOption(
    "Object",
    "Invoice",
    properties={
        "number": PushOption("String", "Number", required=True),
        "status": PushOption("String", "Status", options=CHOICES),
        "issueDate": PushOption("DateTime", "Issue Date", required=True),
        "isPaid": PushOption("Boolean", "Is Paid"),
        "total": PushOption("Number", "Total"),
        "customerRef": REF,
        "address": PushOption(
            "Object",
            "Address",
            properties={"city": PushOption("String", "City", required=True), "line": PushOption("String", "Line")},
        ),
        "extra": PushOption("Object", "Extra"),
        "lines": PushOption("Array", "Lines", required=True, properties=LINE),
    },
)

texts = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20).filter(
    lambda text: text == text.strip() and bool(text)
)
numbers = st.one_of(
    st.integers(-(10**15), 10**15), st.decimals(-(10**9), 10**9, places=3, allow_nan=False).map(lambda n: n)
)
days = st.dates().map(lambda day: f"{day:%Y-%m-%d}".zfill(10) + "T00:00:00")
moments = st.one_of(days, st.just("2026-03-31T14:30:05"), st.just("2026-03-31T14:30:05.123Z"))
free = st.dictionaries(texts, st.one_of(texts, st.integers(), st.booleans()), min_size=1, max_size=2)


def bodies(option: PushOption) -> st.SearchStrategy[Any]:
    """Bodies that fit the model and in which no group or list is empty."""
    if option.properties:
        members = {key: bodies(inner) for key, inner in option.properties.items()}
        needed = {key: member for key, member in members.items() if option.properties[key].required}
        optional = {key: member for key, member in members.items() if key not in needed}
        whole = st.fixed_dictionaries(needed, optional=optional).filter(bool)
        return st.lists(whole, min_size=1, max_size=3) if option.type == "Array" else whole
    if option.options:
        return st.sampled_from([choice.value for choice in option.options])
    return {
        "String": texts,
        "Number": numbers,
        "Boolean": st.booleans(),
        "DateTime": moments,
        "Array": st.lists(texts, max_size=2),
        "Object": free,
    }[option.type]


def posted(entered: dict[str, list[str]]) -> QueryDict:
    """The fields as a browser sends them."""
    return QueryDict(urlencode(entered, doseq=True))


@settings(max_examples=150, deadline=None)
@given(bodies(INVOICE))
def test_a_body_that_fits_comes_back_as_it_was(body: dict[str, Any]) -> None:
    entered, left_out = from_body(INVOICE, body)
    read = read_body(INVOICE, from_post(posted(entered)))
    assert left_out == []
    assert read.errors == {}
    assert read.body == body
    assert fit(read.body, INVOICE, "Invoice").errors == []


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(max_size=30).map(lambda name: f"body.{name}"), st.lists(st.text(max_size=20))))
def test_whatever_is_posted_is_read_without_a_fault(fields: dict[str, list[str]]) -> None:
    safe = {name: [text.encode("utf-8", "replace").decode() for text in values] for name, values in fields.items()}
    entered = from_post(posted({name.encode("utf-8", "replace").decode(): texts for name, texts in safe.items()}))
    read = read_body(INVOICE, entered)
    assert read.missing <= set(read.errors)
    form_nodes(INVOICE, entered, Problems(read.errors, {}))


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)), lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*INVOICE.properties, "other"]), inner, max_size=4)
), max_leaves=12))  # fmt: skip
def test_a_body_that_does_not_fit_fills_what_it_can_and_names_the_rest(body: Any) -> None:
    whole = body if isinstance(body, dict) else {"number": body}
    entered, left_out = from_body(INVOICE, whole)
    outside = [key for key in whole if key not in INVOICE.properties]
    assert [key for key in left_out if key in outside] == outside
    form_nodes(INVOICE, entered)


SANDBOX = connector_for("mqjo")
WRITABLE = sorted(key for key, support in SANDBOX.platform.types.items() if support.writes)


@pytest.mark.parametrize("data_type", WRITABLE)
def test_every_model_of_the_sandbox_makes_a_form_with_a_field_for_each_member(data_type: str) -> None:
    model = SANDBOX.options(data_type, settings={}, http=None)  # type: ignore[arg-type]
    entered = {f"body.{key}": ["0"] for key, option in model.properties.items() if option.type == "Array"}
    read = read_body(model, entered)
    nodes = form_nodes(model, entered, Problems(read.errors, {}))
    assert [node.name.split(".")[1] for node in nodes] == list(model.properties)
    assert read.missing == set(read.errors)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("total", "12.50", Decimal("12.50")),
        ("total", " -3 ", -3),
        ("total", "0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        ("isPaid", "false", False),
        ("issueDate", "2026-03-31", "2026-03-31T00:00:00"),
        ("issueDate", "2026-03-31T08:15", "2026-03-31T08:15:00"),
        ("issueDate", "2026-03-31T08:15:00+02:00", "2026-03-31T08:15:00+02:00"),
        ("number", "  007 ", "007"),
        ("number", "one\r\ntwo", "one\ntwo"),
        ("status", "Open", "Open"),
        ("customerRef.id", "cus_1", {"id": "cus_1"}),
        ("extra", '{"a": 1.10}', {"a": Decimal("1.10")}),
    ],
)
def test_what_is_entered_becomes_its_kind(name: str, text: str, value: Any) -> None:
    assert read_body(INVOICE, {f"body.{name}": [text]}, before={}).body == {name.partition(".")[0]: value}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("total", "1,234.50", "Enter a number with digits and at most one point, such as 1234.50."),
        ("total", "NaN", "Enter a number with digits and at most one point, such as 1234.50."),
        ("total", "1e9999", "Enter a number with digits and at most one point, such as 1234.50."),
        ("total", "٣", "Enter a number with digits and at most one point, such as 1234.50."),
        ("isPaid", "maybe", "Choose yes or no."),
        ("issueDate", "31/03/2026", "Enter a day as 2026-03-31, or a day and time as 2026-03-31T14:30:00."),
        ("issueDate", "2026-02-30", "Enter a day as 2026-03-31, or a day and time as 2026-03-31T14:30:00."),
        ("status", "Paid", "The platform does not know “Paid” here. Choose one of the list."),
        ("extra", "[1]", 'Enter a JSON object, such as {"name": "a"}.'),
        ("extra", "{", 'Enter a JSON object, such as {"name": "a"}.'),
    ],
)
def test_what_is_no_value_of_its_kind_is_told_at_its_field(name: str, text: str, words: str) -> None:
    read = read_body(INVOICE, {f"body.{name}": [text]}, before={})
    assert (read.body, read.errors, read.missing) == ({}, {f"body.{name}": [words]}, set())


def test_what_is_needed_is_told_only_where_something_is_written() -> None:
    assert read_body(INVOICE, {}).errors == {
        "body.number": ["This is needed."],
        "body.issueDate": ["This is needed."],
        "body.lines": ["Fill in at least one row."],
    }
    written = {
        "body.number": ["1"],
        "body.issueDate": ["2026-03-31"],
        "body.address.line": ["Quay 1"],
        "body.lines": ["0", "4"],
        "body.lines.4.tags": ['["a"]'],
    }
    assert read_body(INVOICE, written).errors == {
        "body.address.city": ["This is needed."],
        "body.lines.4.quantity": ["This is needed."],
    }


def test_an_update_sends_what_was_emptied_as_null_and_needs_nothing_else() -> None:
    record = {
        "number": "1",
        "total": 5,
        "address": {"city": "Leith", "line": "Quay 1"},
        "lines": [{"quantity": 1, "itemRef": {"id": "a"}}],
    }
    before, _ = from_body(INVOICE, record)
    entered = dict(before) | {"body.total": [""], "body.address.line": [" "], "body.lines.0.itemRef.id": [""]}
    assert read_body(INVOICE, entered, before=before).body == {
        "number": "1",
        "total": None,
        "address": {"city": "Leith", "line": None},
        "lines": [{"quantity": 1}],
    }
    assert read_body(INVOICE, without_row(before, "body.lines", "0"), before=before).body["lines"] == []


def test_rows_are_added_at_the_end_and_removed_with_all_that_is_in_them() -> None:
    entered = {"body.lines": ["0", "3"], "body.lines.0.quantity": ["1"], "body.lines.3.quantity": ["2"]}
    assert with_row(entered, "body.lines")["body.lines"] == ["0", "3", "4"]
    assert without_row(entered, "body.lines", "0") == {"body.lines": ["3"], "body.lines.3.quantity": ["2"]}
    assert row_numbers({"body.lines": ["0", "0", "x", "-1", "1e3", "2"]}, "body.lines") == ["0", "2"]


def test_messages_are_pinned_to_the_fields_they_name() -> None:
    entered, _ = from_body(INVOICE, {"lines": [{"quantity": 1}, {"quantity": 2, "itemRef": {"id": "x"}}]})
    told = {
        "number": ["too long"],
        "lines[1].itemref.id": ["no such item"],
        "lines[1].itemref": ["closed"],
        "lines": ["must add up"],
    }
    nodes = {node.path: node for node in form_nodes(INVOICE, entered, Problems({}, told))}
    assert nodes["Number"].errors == ("too long",)
    lines = nodes["Lines"]
    assert lines.errors == ("must add up",)
    item = {node.path: node for node in lines.rows[1].members}["Lines[1].ItemRef.Id"]
    assert (item.label, item.errors) == ("Ref", ("closed", "no such item"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "This is not JSON: Expecting value at line 1, column 1."),
        ('{"a": }', "This is not JSON: Expecting value at line 1, column 7."),
        ('{"a": NaN}', "This is not JSON: NaN is not a number of JSON."),
        ("[1]", "Enter one JSON object, such as {“name”: “…”}."),
        ('{"a": "\\u0000"}', "This holds the character NUL, which cannot be stored."),
        ('{"a": "\\ud800"}', "This holds half of a character (a lone surrogate). Write the character itself."),
        ("[" * 100_000, "This is nested too deeply."),
    ],
)
def test_json_that_cannot_be_a_body_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read_json(text)
    assert str(refusal.value) == words


def test_numbers_of_a_json_body_keep_their_digits() -> None:
    body = read_json(json.dumps({"a": 1}).replace("1", "0.10000000000000000001"))
    assert body == {"a": Decimal("0.10000000000000000001")}
