"""JSON columns that keep numbers as they were written: Decimal in, Decimal out, to the last digit."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from django.db import models

from syncengine.connectors.wire import exact_number

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=exact_number).decode


class _Encoder(json.JSONEncoder):
    def encode(self, o: Any) -> str:
        return _encode(o).decode()


class _Decoder(json.JSONDecoder):
    def decode(self, s: str, *_: Any) -> Any:
        return _decode(s)


class ExactJSONField(models.JSONField):
    """What comes back holds Decimals where a number has a fraction."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "encoder": _Encoder, "decoder": _Decoder})

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, {key: value for key, value in options.items() if key not in ("encoder", "decoder")}
