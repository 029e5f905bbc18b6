"""The key of a record: one member of it, or several joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from syncengine.connectors.base import RecordRefused
from syncengine.connectors.convert import kind_of
from syncengine.connectors.paths import Path, path_text
from syncengine.connectors.readers import finder

MAX_KEY = 512


def key_reader(paths: Sequence[Path], data_type: str) -> Callable[[Any], str]:
    """Return the reader of a decoded record's key; a type with one record alone is its own key."""
    if not paths:
        return lambda raw: data_type
    finders, of_values = [finder(path) for path in paths], key_of_values(paths)
    return lambda raw: of_values(*(find(raw) for find in finders))


def key_of_values(paths: Sequence[Path]) -> Callable[..., str]:
    """Return a function from the values at `paths`; several are joined by colons, colons inside them escaped."""
    names = [path_text(path) for path in paths]

    def read(*values: Any) -> str:
        texts = [_text(value, name) for value, name in zip(values, names, strict=True)]
        if len(texts) == 1:
            key = texts[0]
        else:
            key = ":".join(text.replace("\\", "\\\\").replace(":", "\\:") for text in texts)
        if len(key) > MAX_KEY:
            raise RecordRefused(names[0], f"the key has {len(key)} characters; {MAX_KEY} is the most we keep")
        return key

    return read


def quick_key_reader(paths: Sequence[Path]) -> Callable[[bytes], str] | None:
    """One member that is a text: the decoder skips over all the others, which takes a fifth of the time."""
    if len(paths) != 1 or len(paths[0]) != 1 or not isinstance(paths[0][0], str):
        return None
    only = msgspec.defstruct("Key", [("key", str)], rename={"key": paths[0][0]})
    decode = msgspec.json.Decoder(only).decode

    def read(text: bytes) -> str:
        try:
            key: str = decode(text).key  # type: ignore[attr-defined]
        except (msgspec.DecodeError, RecursionError):
            return ""
        return key if len(key) <= MAX_KEY else ""

    return read


def _text(value: Any, path: str) -> str:
    if type(value) is str and value:
        return value
    if type(value) is int:
        return str(value)
    given = "nothing" if value is None or value == "" else kind_of(value)
    raise RecordRefused(path, f"{given} came where the record's key was expected")
