"""Places where a test may make this process crash, hang or raise. Without HEADRACE_FAILPOINTS they do nothing.

HEADRACE_FAILPOINTS is "name=action" or "name=action@nth" pairs, comma-separated; action is crash (SIGKILL to itself),
hang or raise, done when the place is reached for the nth time. With HEADRACE_FAILPOINT_MARK naming a file, the first
process to reach one leaves that file and no other does it again; one that hangs goes on when the file is removed.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path


class FailpointReached(Exception):
    """Raised on purpose by a failpoint."""


def _armed() -> dict[str, tuple[str, int]]:
    armed = {}
    for pair in filter(None, os.environ.get("HEADRACE_FAILPOINTS", "").split(",")):
        name, _, wanted = pair.partition("=")
        action, _, nth = wanted.partition("@")
        armed[name] = (action, int(nth or 1))
    return armed


_ACTIONS = _armed()
_reached: Counter[str] = Counter()


def reach(name: str) -> None:
    """Do what the test asked for at this place, once."""
    if name not in _ACTIONS:
        return
    action, nth = _ACTIONS[name]
    _reached[name] += 1
    if _reached[name] == nth and _first():
        _do(action)


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
            _hang()
        case "raise":
            raise FailpointReached(action)


def _hang() -> None:
    mark = os.environ.get("HEADRACE_FAILPOINT_MARK")
    end = time.monotonic() + 3600
    while time.monotonic() < end and (not mark or Path(mark).exists()):
        time.sleep(0.02)
