"""The members of a platform's record that a mapping reads, and a decoder that skips over all the others."""

from __future__ import annotations

from typing import Any

import msgspec

from syncengine.connectors.paths import Path
from syncengine.connectors.wire import exact_number


class Unplannable(Exception):
    """The mapping reads in a way that a decoder of fixed members cannot serve, such as by a place in a list."""


class Wanted:
    """A value at one place of the record: one that is taken as it comes, or an object or list whose parts are wanted.

    Members get names of their own (`m0`, `m1` …), because the platform's are not always names in Python.
    """

    def __init__(self) -> None:
        self._members: dict[str, Wanted] = {}
        self._element: Wanted | None = None
        self._whole = False
        self._object: type[msgspec.Struct] | None = None

    def at(self, path: Path) -> Wanted:
        """Raises: Unplannable."""
        found = self
        for step in path:
            found = found.member(step)
        return found

    def member(self, name: str | int) -> Wanted:
        """Raises: Unplannable for a place in a list, and where the value is wanted as something else too."""
        if isinstance(name, int) or self._whole or self._element:
            raise Unplannable
        return self._members.setdefault(name, Wanted())

    def whole(self) -> Wanted:
        """Want the value as it comes. Raises: Unplannable when parts of it are wanted too."""
        if self._members or self._element:
            raise Unplannable
        self._whole = True
        return self

    def element(self) -> Wanted:
        """Return what is wanted of each element of a list. Raises: Unplannable."""
        if self._whole or self._members:
            raise Unplannable
        self._element = self._element or Wanted()
        return self._element

    def name_of(self, member: str | int) -> str:
        return f"m{list(self._members).index(str(member))}"

    def object_type(self) -> type[msgspec.Struct]:
        """Return the type that an object here is decoded to: absent members and null are None."""
        if self._object is None:
            fields = [(f"m{number}", found._type() | None, None) for number, found in enumerate(self._members.values())]
            names = {f"m{number}": name for number, name in enumerate(self._members)}
            # No cycles: the decoder builds trees.
            self._object = msgspec.defstruct("Wanted", fields, rename=names, gc=False)
        return self._object

    def _type(self) -> Any:
        if self._element is not None:
            return list[self._element._type()]  # type: ignore[misc]
        return Any if self._whole else self.object_type()


def decoder_of(wanted: Wanted) -> msgspec.json.Decoder[Any]:
    """Numbers with a fraction become Decimals, as `decode_record` makes them."""
    return msgspec.json.Decoder(wanted.object_type(), float_hook=exact_number)
