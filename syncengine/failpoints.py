"""Places where a test may make this process crash, hang or raise. Without HEADRACE_FAILPOINTS they do nothing.

HEADRACE_FAILPOINTS is "name=action" pairs, comma-separated; action is crash (SIGKILL to itself), hang or raise. With
HEADRACE_FAILPOINT_MARK naming a file, the first process to reach one leaves that file and no other does it again.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


class FailpointReached(Exception):
    """Raised on purpose by a failpoint."""


def _armed() -> dict[str, str]:
    pairs = os.environ.get("HEADRACE_FAILPOINTS", "")
    return dict(pair.split("=", 1) for pair in pairs.split(",") if pair)


_ACTIONS = _armed()


def reach(name: str) -> None:
    """Do what the test asked for at this place, once."""
    if name in _ACTIONS and _first():
        _do(_ACTIONS[name])


def _first() -> bool:
    mark = os.environ.get("HEADRACE_FAILPOINT_MARK")
    if not mark:
        return True
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _do(action: str) -> None:
    match action:
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(3600)
        case "raise":
            raise FailpointReached(action)
