"""A request as the handlers see it, an answer as the server sends it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qs

import msgspec

from syncengine.sandbox.books import encode


@dataclass(frozen=True, slots=True)
class Request:
    """Header names are lower case; of a repeated query parameter the last counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    def form(self) -> dict[str, str]:
        return flat(self.body.decode("utf-8", "replace"))

    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object. Raises: Refusal."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise Refusal(400, "bad_json", str(error)) from None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an answer leaves: seconds before the first byte, pieces with pauses between, cut after so many bytes.

    reset:  not at all; the connection is reset.
    """

    wait: float = 0
    piece: int = 0
    pause: float = 0
    cut_after: int | None = None
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """`length` must be given when `body` comes in pieces."""

    status: int
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    delivery: Delivery = Delivery()


class Refusal(Exception):
    """A request that gets an error answer instead."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = headers

    def answer(self) -> Answer:
        return json_answer({"error": {"code": self.code, "message": self.message}}, self.status, **self.headers)


def flat(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def json_answer(content: Any, status: int = 200, **headers: str) -> Answer:
    return raw_answer(encode(content), status, **headers)


def raw_answer(body: bytes, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body, {"Content-Type": "application/json", **named})


def html_answer(title: str, body: str, status: int = 200) -> Answer:
    """A small page; `body` is markup already escaped."""
    page = (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style><main><h1>{escape(title)}</h1>{body}</main></html>"
    )
    return Answer(status, page.encode(), {"Content-Type": "text/html; charset=utf-8", "X-Frame-Options": "DENY"})


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f3f4f1;color:#1d2420}"
    "main{max-width:38rem;margin:3rem auto;padding:2rem;background:#fff;border:1px solid #d5dad3;border-radius:.5rem}"
    "h1{font-size:1.4rem;margin-top:0}label{display:block;padding:.4rem 0}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #e4e8e2}"
    "button{font:inherit;padding:.5rem 1.4rem;margin:1rem .6rem 0 0;border-radius:.3rem;"
    "border:1px solid #2c5f46;cursor:pointer}"
    "button[value=allow]{background:#2c5f46;color:#fff}button[value=deny]{background:#fff;color:#1d2420}"
)
