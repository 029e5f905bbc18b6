"""Bodies as people read them: indented JSON in which numbers keep all their digits."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


def pretty(value: Any) -> str:
    return msgspec.json.format(_encode(value), indent=2).decode()


def one_line(value: Any) -> str:
    return _encode(value).decode()
