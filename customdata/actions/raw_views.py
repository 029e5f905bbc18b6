"""Looking at the platform's own records leaves a trace: they may hold what no standard model shows of a person."""

from __future__ import annotations

from syncengine.events import record_event
from syncengine.models import Connection


def note_raw_view(connection: Connection, data_type: str, record_count: int, *, actor: str) -> None:
    """Record who looked at how many records of which type, never what they hold."""
    record_event("raw_data.viewed", about=connection, actor=actor, data_type=data_type, record_count=record_count)
