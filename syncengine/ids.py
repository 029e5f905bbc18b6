"""Ids: made in the order of time, so that new rows land at the end of their index, and read from texts."""

import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """Return a UUID version 7."""
    return uuid_utils.compat.uuid7()


def as_uuid(text: str) -> uuid.UUID | None:
    """Return the id that a text is, None when it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
