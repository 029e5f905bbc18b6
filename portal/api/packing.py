"""Answers packed by what the client takes: br or gzip."""

from __future__ import annotations

import gzip
import re

import brotli
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

SMALLEST_BYTES = 1_400  # below one packet nothing is gained
_TEXT = ("application/json", "text/", "image/svg+xml")
_ACCEPTED = re.compile(r"\s*([a-z*]+)\s*(?:;\s*q\s*=\s*([\d.]+)\s*)?", re.IGNORECASE)


def packed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Return the answer in the best coding the client takes; others, small ones and files leave as they are."""
    if not isinstance(response, HttpResponse) or not response.headers.get("Content-Type", "").startswith(_TEXT):
        return response
    patch_vary_headers(response, ("Accept-Encoding",))
    coding = _coding(request.headers.get("Accept-Encoding", ""))
    if not coding or len(response.content) < SMALLEST_BYTES or response.has_header("Content-Encoding"):
        return response
    body = response.content
    response.content = brotli.compress(body, quality=4) if coding == "br" else gzip.compress(body, 4, mtime=0)
    response["Content-Encoding"] = coding
    response["Content-Length"] = str(len(response.content))
    # The same state in other bytes: what names it may no longer claim that the bytes are equal.
    if response.headers.get("ETag", "").startswith('"'):
        response["ETag"] = f"W/{response['ETag']}"
    return response


def _coding(accepted: str) -> str:
    """Return "br", "gzip" or "", by the client's own preference, br when it has none."""
    weights: dict[str, float] = {}
    for part in accepted[:500].split(","):
        found = _ACCEPTED.fullmatch(part)
        if found:
            try:
                weights[found[1].lower()] = float(found[2] or 1)
            except ValueError:
                continue
    best, coding = 0.0, ""
    for name in ("br", "gzip"):
        weight = weights.get(name, weights.get("*", 0.0))
        if weight > best:
            best, coding = weight, name
    return coding
