"""A Redis database for each test process, so that several can run beside each other: `pytest -p tests.own_redis -n 2`.

Loaded before the settings are read. What the tests start inherits the address.
"""

from __future__ import annotations

import os

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
_server, _, _number = os.environ.get("REDIS_URL", "").rpartition("/")
if _worker and _server:
    os.environ["REDIS_URL"] = f"{_server}/{int(_number) + 1 + int(_worker.removeprefix('gw'))}"
