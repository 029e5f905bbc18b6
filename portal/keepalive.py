"""One click against a lapsing authorisation: read the smallest data type often enough."""

from __future__ import annotations

from syncengine.actions.sync_settings import FREQUENCIES, effective_settings, save_sync_settings
from syncengine.connectors.registry import platforms
from syncengine.datatypes import DATA_TYPES
from syncengine.exceptions import Refused
from syncengine.models import Connection

MONTHLY_HOURS = 720
# A due time is spread by up to 5 % behind its frequency; a tenth leaves the read itself time.
_MARGIN = 1.1


def keep_alive(connection: Connection, *, actor: str) -> str:
    """Schedule the smallest data type of the connection, monthly unless its platform forgets sooner.

    Returns: a sentence without its full stop, e.g. "Company is now read monthly".
    Raises:  Refused when the setting is locked or the platform has no data type to read.
    """
    platform = platforms().get(connection.integration.key)
    supported = [key for key in DATA_TYPES if platform and key in platform.types]
    if platform is None or not supported:
        raise Refused("This platform has no data type that could be read by a schedule.")
    key = min(supported, key=lambda key: (key != "company", not DATA_TYPES[key].reference))
    hours = _often_enough(platform.idle_days)
    present = effective_settings(connection.company)[key].sync_schedule_hours
    hours = min(hours, present or hours)
    save_sync_settings(connection.company, {key: {"sync_schedule_hours": hours}}, actor=actor)
    how_often = FREQUENCIES[hours].lower() if hours in FREQUENCIES else f"every {hours} h"
    return f"{DATA_TYPES[key].label} is now read {how_often}"


def _often_enough(idle_days: int | None) -> int:
    if idle_days is None:
        return MONTHLY_HOURS
    return next((hours for hours in (MONTHLY_HOURS, 168, 24) if hours * _MARGIN < idle_days * 24), 24)
