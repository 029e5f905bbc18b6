"""One key, one effect: the answer to a POST or PATCH is kept and given again (codat contract, section 1.5)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase


def once(request: HttpRequest, path: str, run: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    return run()
