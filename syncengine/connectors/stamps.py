"""How platforms want to be told of a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime


def stamp_text(moment: datetime, form: str) -> str:
    """Return an aware moment as the platform wants to be told of it, whole seconds, never later than it is."""
    utc = moment.astimezone(UTC).replace(microsecond=0)
    forms = {
        "iso": lambda: utc.isoformat().removesuffix("+00:00") + "Z",
        "date": lambda: utc.date().isoformat(),
        "unix": lambda: str(int(utc.timestamp())),
        "unix-ms": lambda: str(int(utc.timestamp()) * 1000),
        "http-date": lambda: format_datetime(utc, usegmt=True),
    }
    return forms[form]()
