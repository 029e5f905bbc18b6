"""What a platform says is wrong with a write, as issues that name the standard model's members."""

from __future__ import annotations

from typing import Any

from syncengine.connectors.bodies import BodyMapper
from syncengine.connectors.manifest_writes import Complaints
from syncengine.connectors.paths import Path, value_at
from syncengine.connectors.push_options import pascal
from syncengine.connectors.wire import decode_answer
from syncengine.exceptions import BadAnswer, PushIssue

MAX_ISSUES = 100
_MAX_TEXT = 1000


def issues_in(body: bytes, found: Complaints, model: str, mapper: BodyMapper) -> list[PushIssue]:
    """Return what the answer lists; none when it lists nothing that can be read."""
    try:
        entries = value_at(decode_answer(body), found.each)
    except BadAnswer:
        return []
    if not isinstance(entries, list):
        entries = [] if entries is None else [entries]
    return [issue for entry in entries[:MAX_ISSUES] if (issue := _issue(entry, found, model, mapper))]


def _issue(entry: Any, found: Complaints, model: str, mapper: BodyMapper) -> PushIssue | None:
    message = _text_at(entry, found.message)
    if not message:
        return None
    place = _text_at(entry, found.path) if found.path is not None else ""
    item_id = pascal(mapper.model_path(place)) if place else ""
    shown = found.text.replace("{model}", model).replace("{member}", item_id or "it").replace("{message}", message)
    return PushIssue(item_id, shown[:_MAX_TEXT], model)


def _text_at(entry: Any, path: Path | None) -> str:
    value = entry if path is None else value_at(entry, path)
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
