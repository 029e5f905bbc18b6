"""Answers packed by what the client takes: br or gzip."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase


def packed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    return response
