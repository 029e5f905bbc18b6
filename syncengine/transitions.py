"""The one way a state changes: compare with what we read, set, or fail by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncengine.exceptions import IllegalMove, StaleState


def move(
    row: Any,
    to: str,
    moves: Mapping[str, frozenset[str]],
    *,
    guard: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Set `row.status` to `to` together with `columns`, if the stored status still is the one we read.

    row:     a model instance with a status.
    guard:   further columns that must still hold (the fence of a lease).
    Raises:  IllegalMove when the table of moves has no such step; StaleState when the row moved meanwhile.
    """
    if to not in moves[row.status]:
        raise IllegalMove(row, to)
    unmoved = type(row)._default_manager.filter(pk=row.pk, status=row.status, **(guard or {}))
    if not unmoved.update(status=to, **columns):
        raise StaleState(row, to)
    for name, value in {"status": to, **columns}.items():
        setattr(row, name, value)
