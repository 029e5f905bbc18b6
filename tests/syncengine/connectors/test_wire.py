import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.connectors.wire import (
    MAX_DEPTH,
    MENDED,
    Envelope,
    decode_answer,
    decode_record,
    split_object,
    split_records,
)
from syncengine.exceptions import BadAnswer

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"))
numbers = st.one_of(
    st.integers(),
    st.integers(-(10**60), 10**60),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=20,
)


def json_text(value, **options):
    """The value as JSON, decimals with all their digits."""
    if isinstance(value, Decimal):
        return str(value) if "." in str(value) or "E" in str(value) else f"{value}.0"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, **options)}:{json_text(v, **options)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json_text(v, **options) for v in value) + "]"
    return json.dumps(value, **options)


def same(left, right):
    """Equal, and of the same types throughout: 1, True and Decimal(1) are three values."""
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@given(values, st.booleans())
def test_decode_record_agrees_with_the_standard_library(value, ascii_only):
    text = json_text(value, ensure_ascii=ascii_only)

    assert same(decode_record(text.encode()), json.loads(text, parse_float=Decimal))


@given(
    st.lists(values, max_size=5), st.dictionaries(texts, values, max_size=3), st.sampled_from([(), ("d",), ("a", "d")])
)
def test_split_records_keeps_each_record_and_the_rest(records, rest, path):
    body = records
    for name in reversed(path):
        body = {**{key: value for key, value in rest.items() if key not in path}, name: body}
    text = json_text(body).encode()

    envelope = split_records(text, path)

    expected = json.loads(text, parse_float=Decimal)
    outside = expected if path else {}
    inner = outside
    for name in path[:-1]:
        inner = inner[name]
    if path:
        del inner[path[-1]]
    assert same([decode_record(raw) for raw in envelope.records], json.loads(json_text(records), parse_float=Decimal))
    assert same(envelope.outside, outside)
    assert envelope.warnings == ()


def test_records_are_slices_of_the_answer():
    body = b'{"meta": {"total": 2}, "data": [ {"id" : 1.50} , "x\\u00e9" ]}'

    assert split_records(body, ("data",)) == Envelope([b'{"id" : 1.50}', b'"x\\u00e9"'], {"meta": {"total": 2}})


HTML = b"<!doctype html><p>Sorry</p>"


@pytest.mark.parametrize(
    ("body", "path", "headline"),
    [
        (b"", (), "The platform answered with an empty body where JSON was expected."),
        (b" \n", ("data",), "The platform answered with an empty body where JSON was expected."),
        (HTML, (), "The platform answered with HTML or XML where JSON was expected."),
        (b'\xef\xbb\xbf[{"id": 1}]', (), "The answer begins with a byte order mark, which JSON does not allow."),
        (b'["\xff"]', (), "The answer is not UTF-8 text."),
        (b'["\xed\xa0\x80"]', (), "The answer is not UTF-8 text."),
        (b"[NaN]", (), "The answer is not valid JSON: invalid character (byte 1)."),
        (b"[-Infinity]", (), "The answer is not valid JSON: invalid character (byte 2)."),
        (b"[1,]", (), "The answer is not valid JSON: trailing comma in array (byte 3)."),
        (b'[{"a":"\x00"}]', (), "The answer is not valid JSON: invalid character (byte 7)."),
        (b'{"data":[{}]', ("data",), "The answer is not valid JSON: Input data was truncated."),
        (b"null", (), "The platform answered null where a list of records was expected."),
        (b"{}", (), "The platform answered an object where a list of records was expected."),
        (b'"ok"', (), "The platform answered a text where a list of records was expected."),
        (b"12", (), "The platform answered a number where a list of records was expected."),
        (b"[]", ("data",), "The platform answered a list where an object with the member data was expected."),
        (b'{"data":{}}', ("data",), "The platform answered an object where a list of records was expected (at data)."),
        (b'{"data":null}', ("data",), "The platform answered null where a list of records was expected (at data)."),
        (
            b'{"items":[],"a":1}',
            ("data",),
            "The platform's answer lacks the member data, where its records should be; its members are: a, items.",
        ),
        (b'{"error":{"code":-32601}}', ("data",), "The platform answered with an error instead of records."),
        (b'{"jsonrpc":"2.0","error":{"code":-32601}}', (), "The platform answered with an error instead of records."),
        (b'{"errors":["no"]}', ("a", "b"), "The platform answered with an error instead of records."),
        (b'{"data":[],"total":1e999}', ("data",), "The answer holds a number that is beyond reason."),
        (b"[" * 100_000, (), "The answer nests deeper than 100 levels."),
    ],
)
def test_what_is_refused_is_named(body, path, headline):
    with pytest.raises(BadAnswer) as refusal:
        split_records(body, path)

    assert refusal.value.headline == headline
    assert refusal.value.upstream[:400] in body.decode("utf-8", "replace").replace("\x00", "\ufffd")


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "1e-400", "1e99999999999999999999", "0." + "1" * 400, "1" * 5000]
)
def test_numbers_beyond_reason_are_refused(number):
    with pytest.raises(BadAnswer, match="beyond reason"):
        decode_record(number.encode())


@pytest.mark.parametrize("number", ["0e999", "1e399", "1E-300", "-0.0", "1" * 4000])
def test_numbers_within_reason_are_kept(number):
    assert decode_record(number.encode()) == (int(number) if number.isdigit() else Decimal(number))


def nested(depth):
    return b"[" * depth + b"]" * depth


def test_depth_is_limited():
    assert decode_record(nested(MAX_DEPTH)) is not None
    with pytest.raises(BadAnswer, match="deeper than 100 levels"):
        decode_record(nested(MAX_DEPTH + 1))
    with pytest.raises(BadAnswer, match="deeper than 100 levels"):
        split_records(b"[" + nested(MAX_DEPTH + 1) + b"]")
    with pytest.raises(BadAnswer, match="deeper than 100 levels"):
        decode_record(nested(60_000))


def test_many_brackets_are_not_depth():
    wide = b"[" + b",".join([b"{}"] * 500) + b"]"

    assert decode_record(wide) == [{}] * 500
    assert split_records(b"[" + wide + b"]").records == [wide]


def test_too_many_and_too_large_records_are_refused():
    with pytest.raises(BadAnswer, match="sent 3 records on one page; 2 is the most we take"):
        split_records(b"[1,2,3]", max_records=2)
    with pytest.raises(BadAnswer, match="a record of 12 bytes; 11 is the most we take"):
        split_records(b'["0123456789"]', max_record_bytes=11)
    with pytest.raises(BadAnswer, match="a record of 8 bytes"):
        split_object(b'{"a":[]}', max_record_bytes=7)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb"\u0000", "\ufffd"),
        (rb"a\u0000b\u0000", "a\ufffdb\ufffd"),
        (rb"\ud800", "\ufffd"),
        (rb"\uDFFF!", "\ufffd!"),
        (rb"\ud83d\ude00", "😀"),
        (rb"\ud83d\ud83d\ude00", "\ufffd😀"),
        (rb"\ude00\ud83d", "\ufffd\ufffd"),
        (rb"\\u0000", r"\u0000"),
        (rb"\\\u0000", "\\\ufffd"),
        (rb"\\ud800", r"\ud800"),
        (rb"\"\u0000", '"\ufffd'),
    ],
)
def test_what_no_database_keeps_is_replaced_with_a_warning(written, read):
    envelope = split_records(b'["' + written + b'"]')

    assert [decode_record(raw) for raw in envelope.records] == [read]
    assert envelope.warnings == ((MENDED,) if "\ufffd" in read else ())


@given(st.text(st.sampled_from(["\x00", "\ud800", "\udc00", "\\", '"', "u", "0", "a", "😀"])))
def test_mending_leaves_everything_else_alone(text):
    envelope = split_records(json.dumps([text]).encode())

    mended = json.loads(json.dumps(text)).replace("\x00", "\ufffd").encode("utf-16", "surrogatepass")
    expected = mended.decode("utf-16", "replace")
    assert decode_record(envelope.records[0]) == expected


@pytest.mark.parametrize(
    ("body", "path", "records", "outside"),
    [
        (b' {"id": 1} ', (), [b'{"id": 1}'], {}),
        (b'{"company": {"id": 1}, "v": 2}', ("company",), [b'{"id": 1}'], {"v": 2}),
        (b'{"Organisations": [{"id": 1}, {"id": 2}]}', ("Organisations",), [b'{"id": 1}'], {}),
        (b'{"company": null}', ("company",), [], {}),
        (b"[]", (), [], {}),
    ],
)
def test_split_object(body, path, records, outside):
    assert split_object(body, path) == Envelope(records, outside)


@pytest.mark.parametrize(
    ("body", "path", "headline"),
    [
        (b'"x"', (), "The platform answered a text where one object was expected."),
        (b'{"a": 5}', ("a",), "The platform answered a number where one object was expected (at a)."),
        (HTML, (), "The platform answered with HTML or XML where JSON was expected."),
        (b"{", (), "The answer is not valid JSON: Input data was truncated."),
    ],
)
def test_split_object_refuses(body, path, headline):
    with pytest.raises(BadAnswer) as refusal:
        split_object(body, path)

    assert refusal.value.headline == headline


def test_decode_answer_cleans_first():
    assert decode_answer(rb'{"a": "\u0000"}') == {"a": "\ufffd"}
    with pytest.raises(BadAnswer, match="not UTF-8"):
        decode_answer(b'"\xff"')
