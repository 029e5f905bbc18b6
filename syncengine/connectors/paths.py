"""Member paths as manifests write them: `customer.name`, `addresses.0.city`, `customer."first.name"`, `.`."""

from __future__ import annotations

import re
from typing import Any

type Path = tuple[str | int, ...]

MAX_LENGTH = 512
MAX_STEPS = 32

_STEP = re.compile(r'"(?P<quoted>[^"]+)"|(?P<index>\d+)(?=\.|$)|(?P<bare>[^\s."\[\]{}*?]+)')


def parse_path(text: str) -> Path:
    """Return the steps of a path: names as text, places in a list as integers; `.` is ().

    Raises: ValueError that says what is wrong with it.
    """
    if text == ".":
        return ()
    if not text:
        raise ValueError("a path must not be empty")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a path may have {MAX_LENGTH} characters at most")
    steps = _steps(text)
    if len(steps) > MAX_STEPS:
        raise ValueError(f"a path may have {MAX_STEPS} steps at most")
    return steps


def _steps(text: str) -> Path:
    steps: list[str | int] = []
    at = 0
    while True:
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"{text!r} is not a path: a member's name is expected at character {at + 1}")
        steps.append(int(match["index"]) if match["index"] else match["quoted"] or match["bare"])
        at = match.end()
        if at == len(text):
            return tuple(steps)
        if text[at] != ".":
            raise ValueError(f"{text!r} is not a path: a dot is expected at character {at + 1}")
        at += 1


def path_text(path: Path) -> str:
    """Return the path as a manifest would write it."""
    return ".".join(str(step) if isinstance(step, int) else _name_text(step) for step in path) or "."


def _name_text(name: str) -> str:
    match = _STEP.fullmatch(name)
    return name if match and match["bare"] else f'"{name}"'


def value_at(value: Any, path: Path) -> Any:
    """Return what stands at `path`, or None where a step leads nowhere."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
        if value is None:
            return None
    return value
