from __future__ import annotations

from tests.syncengine.conftest import _sandbox_server, lab

__all__ = ["_sandbox_server", "lab"]
