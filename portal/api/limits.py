"""How often the API may be asked: a daily quota, and a shield per address (codat contract, section 1.4)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase


def check_address(request: HttpRequest) -> None:
    return


def charge(request: HttpRequest) -> None:
    return


def stamp(request: HttpRequest, response: HttpResponseBase) -> None:
    return
