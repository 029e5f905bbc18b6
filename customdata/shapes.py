"""Where the records stand in a platform's answer: found out from the answer and the configured paths.

1. The answer is a list: its elements.
2. Every path of keyBy begins with the same list of the answer (`$.expenses[*]`): that list's elements.
3. A list of the answer is named like the data source's last step (`/v2/expenses`, `expenses`): its elements.
4. Every path of keyBy begins with a member of the answer: the answer is one record.
5. The answer holds exactly one list: its elements.
6. Otherwise the answer is one record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from customdata.configuration import Configuration
from customdata.path_terms import Name, Segment
from customdata.paths import EVERY
from customdata.rows import compiled_paths, first_names
from syncengine.connectors.endpoints import Layout

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Shape(Layout):
    """A layout, and what it means for the configured paths."""

    @property
    def records_at(self) -> tuple[tuple[Segment, ...], ...]:
        """The steps that paths may begin with to mean the records."""
        if self.kind == "single":
            return ()
        whole = ((EVERY,),)
        return ((Segment((Name(self.member),)), EVERY), *whole) if self.kind == "member" else whole

    @property
    def words(self) -> str:
        if self.kind == "list":
            return "the answer is a list of records"
        return f"the records are the list {self.member}" if self.kind == "member" else "the answer is one record"


def shape_of(body: bytes, configuration: Configuration, source_name: str) -> Shape:
    """Return where the records stand. What is no JSON object counts as a list; opening it says what is wrong.

    Raises: ExpressionRefused for a path that cannot be read.
    """
    try:
        members = _OBJECT.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return Shape("list")
    lists = [name for name, raw in members.items() if bytes(memoryview(raw)[:1]) == b"["]
    for member in (_keyed_list(configuration, lists), _named_list(lists, source_name)):
        if member:
            return Shape("member", member)
    if _keys_stand_in(members, configuration) or len(lists) != 1 or _says_error(members):
        return Shape("single")
    return Shape("member", lists[0])


def _keyed_list(configuration: Configuration, lists: list[str]) -> str:
    paths = compiled_paths(configuration)
    for member in lists:
        begins = (Segment((Name(member),)), EVERY)
        if all(paths[text].segments[:2] == begins for text in configuration.key_by):
            return member
    return ""


def _named_list(lists: list[str], source_name: str) -> str:
    wanted = _bare(source_name)
    return next((member for member in lists if _bare(member) == wanted), "")


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _keys_stand_in(members: Mapping[str, object], configuration: Configuration) -> bool:
    return all(name in members for name in first_names(configuration, configuration.key_by))


def _says_error(members: Mapping[str, object]) -> bool:
    return not {"error", "errors"}.isdisjoint(members)
