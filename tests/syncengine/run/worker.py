"""A worker for one task, in a process that a test may kill. Importing this sets Django up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils.module_loading import import_string  # noqa: E402

from syncengine import failpoints  # noqa: E402


def work(task: str, key: str, database: str, own_settings: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Do a task, named by its dotted path, on the test's database, with the test's settings and failpoints."""
    os.environ.update(environment)
    failpoints._ACTIONS.update(failpoints._armed())
    connection.settings_dict["NAME"] = database
    for name, value in own_settings.items():
        setattr(settings, name, value)
    try:
        import_string(task)(key)
    finally:
        connection.close()
