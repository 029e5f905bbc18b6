"""The model that a write must fit, as a tree (codat contract, section 13.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OPTION_TYPES = ("Array", "Object", "String", "Number", "Boolean", "DateTime", "File", "MultiPart")


@dataclass(frozen=True, slots=True)
class OptionNote:
    """`field` is the member's path in PascalCase: `LineItems.Quantity`."""

    field: str
    details: str

    def as_wire(self) -> dict[str, Any]:
        return {"field": self.field, "details": self.details}


@dataclass(frozen=True, slots=True)
class OptionChoice:
    value: str
    display_name: str
    type: str = "String"
    description: str = ""
    required: bool = False

    def as_wire(self) -> dict[str, Any]:
        described = {"description": self.description} if self.description else {}
        return {
            "value": self.value,
            "type": self.type,
            "displayName": self.display_name,
            **described,
            "required": self.required,
        }


@dataclass(frozen=True, slots=True)
class PushOption:
    """
    properties:  of an object, or of each element of a list; empty for a plain value.
    options:     the values that may be chosen; empty where any will do.
    """

    type: str
    display_name: str
    description: str = ""
    required: bool = False
    properties: Mapping[str, PushOption] = field(default_factory=dict)
    options: tuple[OptionChoice, ...] = ()
    warnings: tuple[OptionNote, ...] = ()
    information: tuple[OptionNote, ...] = ()

    def as_wire(self) -> dict[str, Any]:
        """Return the contract's shape: what is not there is left out."""
        shown: dict[str, Any] = {"type": self.type, "displayName": self.display_name, "description": self.description}
        if self.properties:
            shown["properties"] = {name: inner.as_wire() for name, inner in self.properties.items()}
        if self.options:
            shown["options"] = [choice.as_wire() for choice in self.options]
        shown["required"] = self.required
        if self.warnings or self.information:
            shown["validation"] = {
                "warnings": [note.as_wire() for note in self.warnings],
                "information": [note.as_wire() for note in self.information],
            }
        return shown


def pascal(path: str) -> str:
    """Return a member's path as an `itemId` is written: `lineItems[0].itemRef` → `LineItems[0].ItemRef`."""
    return ".".join(step[:1].upper() + step[1:] for step in path.split("."))


def words_of(name: str) -> str:
    """Return a member's name as a person would read it: `taxRateRef` → `Tax Rate Ref`."""
    spaced = "".join(f" {sign}" if sign.isupper() else sign for sign in name)
    return (spaced[:1].upper() + spaced[1:]).strip()
