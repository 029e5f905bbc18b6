"""Checks of one record in the standard model. Pure; a record that holds costs a few microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncengine.validation.catalogue import VALIDATORS
from syncengine.validation.issues import Issue

__all__ = ["Issue", "validate_record"]


def validate_record(data_type: str, content: Mapping[str, Any]) -> list[Issue]:
    """Return what does not hold in the record, in no order that matters; [] for types without a standard model.

    content:  decoded, numbers with a fraction as Decimal.
    """
    validator = VALIDATORS.get(data_type)
    return [] if validator is None else validator.issues(content)
