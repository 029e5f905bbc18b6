"""What will most likely go wrong with a configuration: warned of when it is saved, refused only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from customdata.configuration import MEMBERS, Configuration
from customdata.exceptions import ConfigurationWarning, ExpressionRefused
from customdata.path_terms import Segment
from customdata.paths import EVERY, Path, compile_path
from customdata.rows import named_paths, row_levels, wanted_of
from syncengine.connectors.reading import did_you_mean
from syncengine.connectors.registry import connector_for
from syncengine.exceptions import ConnectorError


def warnings_of(
    configuration: Configuration, platform: str, body: Mapping[str, Any] | None = None
) -> list[ConfigurationWarning]:
    """Return the warnings in the order of the members.

    platform:  the key of the platform it is for, which says what a data source looks like.
    body:      the request's own, to name members that nobody reads.
    """
    found = [*_source(configuration, platform), *_paths(configuration)]
    return [*found, *_names(configuration), *_unread(body or {})]


def _source(configuration: Configuration, platform: str) -> Iterator[ConfigurationWarning]:
    try:
        connector_for(platform).endpoint(configuration.data_source, wanted_of(configuration))
    except ConnectorError as refusal:
        yield ConfigurationWarning("dataSource", refusal.headline)


def _paths(configuration: Configuration) -> Iterator[ConfigurationWarning]:
    found: dict[str, Path] = {}
    for field, text in named_paths(configuration):
        try:
            found[field] = compile_path(text)
        except ExpressionRefused as refusal:
            yield ConfigurationWarning(field, refusal.message, refusal.position)
    keys = [path for field, path in found.items() if field.startswith("keyBy[")]
    rows = tuple(segment for steps in row_levels(keys) for segment in steps)
    for field, path in found.items():
        if field.startswith("keyBy["):
            yield from _key(field, path, rows)
    yield from _repeated(configuration)


def _key(field: str, path: Path, rows: tuple[Segment, ...]) -> Iterator[ConfigurationWarning]:
    shared = _shared(path.segments, rows)
    rest = path.segments[shared:]
    if EVERY in rest:
        message = "All paths of a key that go through a list must go through the same one."
        yield ConfigurationWarning(field, message)
    elif not all(segment.is_singular for segment in rest):
        yield ConfigurationWarning(field, "A key must be one value; this path may find several.")
    elif not path.segments:
        yield ConfigurationWarning(field, "The whole record cannot be its key; name one of its members.")


def _shared(segments: tuple[Segment, ...], rows: tuple[Segment, ...]) -> int:
    """Return how many steps a path has in common with the way to the rows, up to a list."""
    shared = 0
    for place, (one, other) in enumerate(zip(segments, rows, strict=False), start=1):
        if one != other:
            break
        if one == EVERY:
            shared = place
    return shared


def _repeated(configuration: Configuration) -> Iterator[ConfigurationWarning]:
    for member, texts in (("keyBy", configuration.key_by), ("sourceModifiedDate", configuration.modified_dates)):
        for place, text in enumerate(texts):
            if text in texts[:place]:
                yield ConfigurationWarning(f"{member}[{place}]", f"{text} stands there already.")


def _names(configuration: Configuration) -> Iterator[ConfigurationWarning]:
    if not configuration.required_data:
        yield ConfigurationWarning("requiredData", "No data is asked for, so the records will be empty.")


def _unread(body: Mapping[str, Any]) -> Iterator[ConfigurationWarning]:
    for name in body:
        if name not in MEMBERS:
            hint = did_you_mean(name, MEMBERS)
            yield ConfigurationWarning(name[:200], f"{name[:200]} is not a member of a configuration{hint}.")
