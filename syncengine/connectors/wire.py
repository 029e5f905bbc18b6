"""The one strict JSON decoder: splits an answer into records without decoding them, and decodes one record.

What it refuses is refused by name (BadAnswer), in words that say what came instead. What it mends, it says: NUL escapes
and lone surrogate escapes become U+FFFD, because no database keeps them.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Subnormal
from typing import Any, NoReturn

import msgspec

from syncengine.exceptions import BadAnswer

MAX_RECORDS = 50_000
MAX_RECORD_BYTES = 1024 * 1024
MAX_DEPTH = 100
MENDED = "Some texts held characters that no database can keep (NUL, half surrogates); each was replaced by U+FFFD."
_ERROR_INSTEAD = "The platform answered with an error instead of records."
_MAX_DIGITS = 400
_EXCERPT = 500
_UTF8_CHUNK = 1024 * 1024

_LIST = msgspec.json.Decoder(type=list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(type=dict[str, msgspec.Raw])
_MEND = re.compile(
    rb"\\(?:u(?P<nul>0000)"
    rb"|u(?P<pair>[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|u(?P<half>[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|.)",
    re.DOTALL,
)
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


@dataclass(frozen=True, slots=True)
class Envelope:
    """An answer, opened.

    records:   each record's own JSON text, in the platform's order.
    outside:   the rest of the answer, decoded, without the records.
    warnings:  plain sentences about what was mended.
    """

    records: list[bytes]
    outside: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def split_records(
    body: bytes,
    records_path: tuple[str, ...] = (),
    max_records: int = MAX_RECORDS,
    max_record_bytes: int = MAX_RECORD_BYTES,
) -> Envelope:
    """Return the records that stand as a list at `records_path`; () when the answer itself is the list.

    Raises: BadAnswer.
    """
    text, warnings = _clean(body)
    try:
        raw, outside = _walk(text, records_path)
        records = [bytes(item) for item in _LIST.decode(raw)]
    except msgspec.ValidationError:
        _refuse_shape(bytes(raw), f"where a list of records was expected{_at(records_path)}")
    except (msgspec.DecodeError, RecursionError) as error:
        _refuse_text(text, error)
    _check_records(records, max_records, max_record_bytes)
    return Envelope(records, outside, warnings)


def split_object(body: bytes, record_path: tuple[str, ...] = (), max_record_bytes: int = MAX_RECORD_BYTES) -> Envelope:
    """Return the one object that stands at `record_path`, or the first of a list there; no record for null.

    Raises: BadAnswer.
    """
    text, warnings = _clean(body)
    try:
        raw, outside = _walk(text, record_path)
        kind = _kind_of(bytes(raw))
        if kind == "a list":
            records = [bytes(item) for item in _LIST.decode(raw)[:1]]
        else:
            records = [] if kind == "null" else [_whole_object(raw)]
    except msgspec.ValidationError:
        _refuse_shape(bytes(raw), f"where one object was expected{_at(record_path)}")
    except (msgspec.DecodeError, RecursionError) as error:
        _refuse_text(text, error)
    _check_records(records, 1, max_record_bytes)
    return Envelope(records, outside, warnings)


def decode_record(raw: bytes) -> Any:
    """Return the value: numbers with a fraction or an exponent as Decimal, whole numbers exact, whatever their size.

    Raises: BadAnswer for what is not JSON, too deep, or holds a number beyond reason.
    """
    try:
        value = _VALUE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        _refuse_text(raw, error)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_deep(value):
        raise BadAnswer(f"The answer nests deeper than {MAX_DEPTH} levels.", upstream=_excerpt(raw))
    return value


def decode_answer(body: bytes) -> Any:
    """Return a whole small answer, decoded like a record after the same cleaning. Raises: BadAnswer."""
    return decode_record(_clean(body)[0])


# Bounds in C, since this is called for each new number with a fraction: one out of them is refused, none is rounded.
_number = Context(
    prec=_MAX_DIGITS - 1,
    Emax=_MAX_DIGITS - 1,
    Emin=1 - _MAX_DIGITS,
    traps=[InvalidOperation, Overflow, Subnormal, Inexact],
).create_decimal


class _Numbers(dict[str, Decimal]):
    """Numbers already made of their texts: prices, rates and zeros come again and again."""

    MOST = 8192

    def __missing__(self, text: str) -> Decimal:
        number = _number(text)
        if len(self) >= self.MOST:
            self.clear()
        self[text] = number
        return number


exact_number: Callable[[str], Decimal] = _Numbers().__getitem__
_VALUE = msgspec.json.Decoder(float_hook=exact_number)


def _walk(text: bytes | msgspec.Raw, path: tuple[str, ...]) -> tuple[bytes | msgspec.Raw, dict[str, Any]]:
    """Return what stands at `path`, undecoded, and all that stands beside the way to it, decoded."""
    if not path:
        return text, {}
    try:
        members: dict[str, msgspec.Raw] = _OBJECT.decode(text)
    except msgspec.ValidationError:
        _refuse_shape(bytes(text), f"where an object with the member {path[0]} was expected")
    if path[0] not in members:
        raise BadAnswer(_missing(path[0], members), upstream=_excerpt(bytes(text)))
    found, inner = _walk(members.pop(path[0]), path[1:])
    outside = {name: decode_record(bytes(raw)) for name, raw in members.items()}
    if len(path) > 1:
        outside[path[0]] = inner
    return found, outside


def _missing(name: str, members: Mapping[str, msgspec.Raw]) -> str:
    if "error" in members or "errors" in members:
        return _ERROR_INSTEAD
    known = ", ".join(sorted(members)[:10])[:200] or "none"
    return f"The platform's answer lacks the member {name}, where its records should be; its members are: {known}."


def _whole_object(raw: bytes | msgspec.Raw) -> bytes:
    _OBJECT.decode(raw)
    return bytes(raw).strip()


def _check_records(records: list[bytes], max_records: int, max_record_bytes: int) -> None:
    if len(records) > max_records:
        raise BadAnswer(f"The platform sent {len(records)} records on one page; {max_records} is the most we take.")
    for record in records:
        if len(record) > max_record_bytes:
            raise BadAnswer(
                f"The platform sent a record of {len(record)} bytes; {max_record_bytes} is the most we take.",
                upstream=_excerpt(record),
            )
        if record.count(b"[") + record.count(b"{") > MAX_DEPTH:
            decode_record(record)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for outer in level for item in _inner(outer)]
        if not level:
            return False
    return True


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [item for item in value.values() if isinstance(item, (dict, list))]
    if isinstance(value, list):
        return [item for item in value if isinstance(item, (dict, list))]
    return []


def _clean(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the text, checked to be UTF-8 and mended. Raises: BadAnswer."""
    if body.startswith(codecs.BOM_UTF8):
        raise BadAnswer("The answer begins with a byte order mark, which JSON does not allow.", upstream=_excerpt(body))
    if not body.isascii():
        _require_utf8(body)
    if b"\\" not in body or _SUSPECT.search(body) is None:
        return body, ()
    mended = _MEND.sub(_mend, body)
    return mended, (MENDED,) if mended != body else ()


def _mend(match: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if match["nul"] or match["half"] else match[0]


def _require_utf8(body: bytes) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), _UTF8_CHUNK):
            decoder.decode(body[start : start + _UTF8_CHUNK], final=start + _UTF8_CHUNK >= len(body))
    except UnicodeDecodeError:
        raise BadAnswer("The answer is not UTF-8 text.", upstream=_excerpt(body)) from None


def _refuse_shape(text: bytes, wanted: str) -> NoReturn:
    headline = _ERROR_INSTEAD if _holds_error(text) else f"The platform answered {_kind_of(text)} {wanted}."
    raise BadAnswer(headline, upstream=_excerpt(text)) from None


def _holds_error(text: bytes) -> bool:
    """Some platforms answer 200 with `{"error": …}`, JSON-RPC among them."""
    try:
        return not {"error", "errors"}.isdisjoint(_OBJECT.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return False


def _refuse_text(text: bytes, error: Exception) -> NoReturn:
    raise BadAnswer(_why_not_json(text, error), upstream=_excerpt(text)) from None


def _why_not_json(text: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"The answer nests deeper than {MAX_DEPTH} levels."
    if isinstance(error, msgspec.ValidationError | ArithmeticError):
        return "The answer holds a number that is beyond reason."
    if not text.strip():
        return "The platform answered with an empty body where JSON was expected."
    if text.lstrip()[:1] == b"<":
        return "The platform answered with HTML or XML where JSON was expected."
    return f"The answer is not valid JSON: {str(error).removeprefix('JSON is malformed: ')}."


def _kind_of(text: bytes) -> str:
    first = text.lstrip(b" \t\r\n")[:1]
    kinds = {b"{": "an object", b"[": "a list", b'"': "a text", b"n": "null", b"t": "true", b"f": "false"}
    return kinds.get(first, "a number")


def _at(path: tuple[str, ...]) -> str:
    return f" (at {'.'.join(path)})" if path else ""


def _excerpt(body: bytes) -> str:
    return body[:_EXCERPT].decode("utf-8", "replace").replace("\x00", "\ufffd")
