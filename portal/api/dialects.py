"""How the API speaks below a path: what a refusal is, how its body looks, which headers go with every answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from portal.api.errors import Problem, codat_body, problem_of


def _nothing(request: HttpRequest, response: HttpResponseBase) -> None:
    """The headers that every answer carries are enough."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of speaking.

    prefix:      the paths it holds for, in lower case: "/v1" is "/v1" itself and all below it.
    problem_of:  what an error is told as; None for one that nobody raised on purpose.
    body:        (problem, correlation id) → the body of a refusal.
    stamp:       adds headers to an answer, good or bad.
    refusals:    status → (name, response object of OpenAPI), when they are not those of the Codat dialect.
    schemas:     name → schema, of what the refusals refer to.
    """

    prefix: str
    problem_of: Callable[[Exception], Problem | None] = problem_of
    body: Callable[[Problem, str], dict[str, Any]] = codat_body
    stamp: Callable[[HttpRequest, HttpResponseBase], None] = _nothing
    refusals: Mapping[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    schemas: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def holds_for(self, path: str) -> bool:
        lowered = path.lower()
        return lowered == self.prefix or lowered.startswith(f"{self.prefix}/")


CODAT = Dialect("")
