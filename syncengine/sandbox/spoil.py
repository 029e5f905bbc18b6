"""What each switch does to an answer."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from syncengine.sandbox.books import encode
from syncengine.sandbox.faults import Fault
from syncengine.sandbox.kinds import Kind
from syncengine.sandbox.messages import Answer, Delivery, Refusal, html_answer, json_answer

_AMOUNTS = (
    ("money", "gross"),
    ("gross",),
    ("amount",),
    ("balance",),
    ("percent",),
    ("sale", "price"),
    ("total_hours",),
)
_TEXTS = (("display_name",), ("trading_name",), ("title",), ("memo",), ("text",), ("reference",), ("state",))
_MIB = 1 << 20
_FILLING = b"x" * 65536
_WORDS = {"nan": b"NaN", "surrogate": b'"half \\ud800"', "nul": b'"name\\u0000"', "wrong-amount": b'"abc"'}
_MSDATE = "/Date(1573755038314+0000)/"


def whole_answer(fault: Fault, kind: str) -> Answer | None:
    """The answer that this switch gives instead of the true one, or None."""
    match fault.fault:
        case "unauthorized":
            return Refusal(401, "token_expired", "The access token has expired.", WWW_Authenticate="Bearer").answer()
        case "forbidden":
            return Refusal(403, "no_permission", f"Your user may not see {kind} in this business.").answer()
        case "error":
            return Refusal(fault.status, "internal", "Something went wrong on our side.").answer()
        case "unavailable":
            return Refusal(503, "maintenance", "We are back soon.", Retry_After=str(fault.retry_after)).answer()
        case "too-many":
            return Refusal(429, "rate_limited", "Too many requests.", Retry_After=str(fault.retry_after)).answer()
        case "invalid-grant":
            return json_answer({"error": "invalid_grant", "error_description": "The grant was withdrawn."}, 400)
        case "html":
            return html_answer("Down for maintenance", "<p>Please come back later.</p>")
        case "redirect":
            return Answer(302, headers={"Location": fault.location})
        case "huge-body":
            return _huge(fault, kind)
        case "gzip-bomb":
            return _bomb(fault, kind)
    return None


def spoiled_rows(faults: Sequence[Fault], kind: Kind, numbers: Sequence[int], rows: list[bytes]) -> list[bytes]:
    for fault in faults:
        if fault.fault == "wrong-sums":
            rows = [_wrong_sum(row) if n < fault.records else row for n, row in zip(numbers, rows, strict=True)]
        elif fault.fault == "twice":
            rows = [*rows, *rows[:1]]
            numbers = [*numbers, *numbers[:1]]
        elif rows:
            rows = [_spoiled(fault, kind, rows[0]), *rows[1:]]
    return rows


def spoiled_body(faults: Sequence[Fault], answer: Answer) -> Answer:
    """Cut, slow down or delay an answer."""
    for fault in faults:
        body = answer.body if isinstance(answer.body, bytes) else b""
        if fault.fault == "broken-json":
            answer = replace(answer, body=body[: len(body) // 2])
        elif fault.fault == "hang":
            answer = replace(answer, delivery=Delivery(wait=30 if fault.seconds is None else fault.seconds))
        elif fault.fault == "drip":
            pause = 0.2 if fault.seconds is None else fault.seconds
            answer = replace(answer, delivery=Delivery(piece=fault.bytes or 64, pause=pause))
        elif fault.fault == "cut":
            at = len(body) // 2 if fault.bytes is None else fault.bytes
            answer = replace(answer, delivery=Delivery(cut_after=at))
    return answer


def _spoiled(fault: Fault, kind: Kind, row: bytes) -> bytes:
    content = msgspec.json.decode(row)
    match fault.fault:
        case "no-id":
            content.pop("id", None)
        case "nan" | "wrong-amount":
            _put(content, _first_path(content, _AMOUNTS), msgspec.Raw(_WORDS[fault.fault]))
        case "nul" | "surrogate":
            _put(content, _first_path(content, _TEXTS), msgspec.Raw(_WORDS[fault.fault]))
        case "nesting":
            _put(content, _first_path(content, _TEXTS), msgspec.Raw(b"[" * fault.depth + b"]" * fault.depth))
        case "wrong-date":
            _put(content, kind.date_path or ("updated_at",), _MSDATE)
    return encode(content)


def _wrong_sum(row: bytes) -> bytes:
    content = msgspec.json.decode(row)
    path = _first_path(content, _AMOUNTS)
    value = content
    for name in path:
        value = value[name] if isinstance(value, dict) and name in value else 0
    _put(content, path, round(float(value) + 1, 2) if isinstance(value, int | float) else value)
    return encode(content)


def _first_path(content: dict[str, Any], paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    for path in paths:
        inner: Any = content
        for name in path[:-1]:
            inner = inner.get(name)
        if isinstance(inner, dict) and path[-1] in inner:
            return path
    return paths[-1]


def _put(content: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        content = content[name]
    content[path[-1]] = value


def _pieces(kind: str, mib: int) -> Iterator[bytes]:
    yield f'{{"{kind}":[{{"id":"x","memo":"'.encode()
    for _ in range(mib * _MIB // len(_FILLING)):
        yield _FILLING
    yield b'"}],"next_cursor":null}'


def _huge(fault: Fault, kind: str) -> Answer:
    length = sum(len(piece) for piece in _pieces(kind, fault.mib))
    return Answer(200, _pieces(kind, fault.mib), {"Content-Type": "application/json"}, length)


def _bomb(fault: Fault, kind: str) -> Answer:
    packer = zlib.compressobj(9, wbits=31)
    body = b"".join([*map(packer.compress, _pieces(kind, fault.mib)), packer.flush()])
    return Answer(200, body, {"Content-Type": "application/json", "Content-Encoding": "gzip"})
