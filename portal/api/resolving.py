"""Which operation answers a path: whatever its case, with or without a trailing slash, and never by a redirect."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern

type View = Callable[..., HttpResponseBase]

_PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the API.

    template:  as declared, e.g. "/companies/<company_id>/connections".
    parts:     one compiled pattern for each segment; a `path` parameter ends the route and takes the rest.
    """

    template: str
    view: View
    parts: tuple[re.Pattern[str], ...]
    takes_rest: bool
    literals: int

    def match(self, segments: list[str]) -> dict[str, str] | None:
        if self.takes_rest:
            fixed = len(self.parts) - 1
            segments = [*segments[:fixed], "/".join(segments[fixed:])]
        found: dict[str, str] = {}
        for pattern, segment in zip(self.parts, segments, strict=True):
            hit = pattern.fullmatch(segment)
            if hit is None:
                return None
            found.update(hit.groupdict())
        return found


class Routes:
    """All paths, looked up by their number of segments; literal segments win over parameters."""

    def __init__(self, patterns: Iterable[URLPattern]) -> None:
        self._by_length: dict[int, list[Route]] = defaultdict(list)
        self._open_ended: list[Route] = []
        for pattern in patterns:
            route = _route(str(pattern.pattern), pattern.callback)
            if route.takes_rest:
                self._open_ended.append(route)
            else:
                self._by_length[len(route.parts)].append(route)
        for routes in (*self._by_length.values(), self._open_ended):
            routes.sort(key=lambda route: (-route.literals, route.template))

    def resolve(self, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route and its parameters for a path such as "/companies/42/", or None."""
        segments = path.strip("/").split("/")
        for route in self._by_length.get(len(segments), ()):
            found = route.match(segments)
            if found is not None:
                return route, found
        for route in self._open_ended:
            if len(segments) >= len(route.parts):
                found = route.match(segments)
                if found is not None:
                    return route, found
        return None


def path_of(request_path: str, mount: str) -> str:
    """Return what follows the mount, e.g. "/companies" of "/api/companies"."""
    return request_path[len(mount) :] or "/"


def _route(pattern: str, view: Any) -> Route:
    segments = pattern.strip("/").split("/")
    parts = []
    for segment in segments:
        at, expression = 0, ""
        for parameter in _PARAMETER.finditer(segment):
            expression += re.escape(segment[at : parameter.start()])
            greedy = ".+" if parameter["converter"] == "path" else "[^/]+"
            expression += f"(?P<{parameter['name']}>{greedy})"
            at = parameter.end()
        parts.append(re.compile(expression + re.escape(segment[at:]), re.IGNORECASE | re.DOTALL))
    literals = sum(not _PARAMETER.search(segment) for segment in segments)
    return Route("/" + pattern, view, tuple(parts), "<path:" in segments[-1], literals)
