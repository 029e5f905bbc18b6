"""The project's settings, with the bare views beside the API."""

from portal.config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.api_bare"
