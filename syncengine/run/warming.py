"""Once, before the workers are forked: what the first dataset of each would else wait for, a fifth of a second."""

from __future__ import annotations

import gc
import logging

from django.conf import settings

from syncengine import limits
from syncengine.connectors.registry import platforms
from syncengine.exceptions import SyncEngineError
from syncengine.outbound.session import load_authorities

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Load the connectors, whom we trust and the Redis client. Opens no connection, which a fork would break.

    What is loaded by then is not looked at by the garbage collector any more, so the processes go on sharing it.
    """
    try:
        platforms()
    except SyncEngineError:
        log.exception("The platforms cannot be loaded; datasets will end by name")
    load_authorities()
    if settings.REDIS_URL:
        limits.redis_scripts(settings.REDIS_URL)
    gc.collect()
    gc.freeze()
