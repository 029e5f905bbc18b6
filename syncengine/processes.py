"""What every process of ours owes the one that started it: to die with it, and to know when it is asked to stop."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PR_SET_PDEATHSIG = 1
CRASHED = 70  # EX_SOFTWARE: the supervisor must start us again

_stop_asked = False


def stopping() -> bool:
    """Say whether this process was asked to stop. Costs nothing: a read asks it between two pages."""
    return _stop_asked


def notice_stop_signal(signum: int, frame: FrameType | None = None) -> None:
    """Remember that we were asked to stop. Nothing else: a handler may run inside any lock."""
    global _stop_asked
    _stop_asked = True


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when `parent_pid`, the process that started it, dies by whatever cause.

    Linux only; elsewhere an orphan lives on until it is stopped by hand.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before we could ask
        os._exit(CRASHED)


STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGUSR1})


@contextmanager
def stop_signals_held() -> Iterator[None]:
    """Keep stop signals waiting, so that a child forked inside meets them with its own handlers and not with ours."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def release_stop_signals() -> None:
    """Let through what `stop_signals_held` kept waiting; the child calls this when its handlers stand."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
