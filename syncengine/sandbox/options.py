"""What can be chosen when the sandbox is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """
    size:           invoices of every business; None leaves each business its own default.
    business_sizes: the same for one business, by its id.
    as_of:          the last day of the books; everything the sandbox invents lies in the 18 months before it.
    redirect_uris:  exact addresses a consent may return to, besides any loopback one.
    idle_days:      a grant whose refresh token was not used for so long lapses.
    requests_per_minute: per grant; 0 is no limit.
    control_key:    opens /_control/; "" keeps it shut.
    state:          directory where grants and changes are kept; None keeps them in memory.
    """

    size: int | None = None
    business_sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 7
    as_of: date = date(2026, 10, 31)
    client_id: str = "headrace"
    client_secret: str = field(default="headrace-sandbox", repr=False)
    redirect_uris: tuple[str, ...] = ()
    access_seconds: float = 1800
    code_seconds: float = 120
    idle_days: float = 60
    requests_per_minute: int = 12_000
    control_key: str = field(default="", repr=False)
    state: Path | None = None
