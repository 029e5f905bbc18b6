"""A worker for one dataset, in a process that a test may kill. Importing this sets Django up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from syncengine import failpoints  # noqa: E402
from syncengine.run.runner import run_dataset  # noqa: E402


def work(dataset_id: str, database: str, own_settings: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Run one dataset on the test's database, with the test's settings and failpoints."""
    os.environ.update(environment)
    failpoints._ACTIONS.update(failpoints._armed())
    connection.settings_dict["NAME"] = database
    for name, value in own_settings.items():
        setattr(settings, name, value)
    try:
        run_dataset(dataset_id)
    finally:
        connection.close()
