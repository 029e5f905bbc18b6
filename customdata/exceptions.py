"""What custom data refuses or fails with, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncengine.exceptions import Refused


@dataclass(frozen=True, slots=True)
class ConfigurationWarning:
    """What will most likely go wrong with a configuration that is accepted all the same.

    field:     the dotted name of the member meant, "" for the whole.
    position:  the character of the path at fault, counted from 0.
    """

    field: str
    message: str
    position: int | None = None


class ExpressionRefused(Refused):
    """A path or expression that will not be used: not well formed, not in the subset, or beyond a limit.

    expression:  as it was given.
    position:    the character at fault, counted from 0; None when it is the whole.
    reason:      the sentence without the place.
    """

    def __init__(self, reason: str, *, expression: str, position: int | None = None) -> None:
        place = "" if position is None else f" (at character {position + 1})"
        super().__init__(f"{reason}{place}")
        self.reason, self.expression, self.position = reason, expression, position


class EvaluationFailed(Exception):
    """An expression that is well formed gives no value for this document. `reason` is a plain sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OverBudget(EvaluationFailed):
    """An evaluation that would take more steps, time or room than one may."""


class UnknownCustomDataType(Refused):
    """The platform has no custom data type of that identifier (404 on the wire)."""

    def __init__(self, identifier: str, platform_name: str) -> None:
        super().__init__(
            f"No custom data type {identifier} is configured for {platform_name}.", field="customDataIdentifier"
        )
        self.identifier = identifier


class NotStrict(Refused):
    """A configuration with warnings, refused because the caller asked for that. `warnings` holds them all."""

    def __init__(self, warnings: Sequence[ConfigurationWarning]) -> None:
        first = warnings[0]
        super().__init__(f"{first.field}: {first.message}" if first.field else first.message, field=first.field)
        self.warnings = tuple(warnings)


class Conflict(Refused):
    """What was asked for contradicts what is there (409 on the wire)."""


class NotFound(Refused):
    """What was named is not there (404 on the wire)."""
