"""Time-ordered ids, so that new rows land at the end of their index."""

import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """Return a UUID version 7."""
    return uuid_utils.compat.uuid7()
