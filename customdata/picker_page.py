"""What the picker shows: records to look at, their tree, and how an expression would fare before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from customdata.custom_data_page import freshest
from customdata.expressions import Outcome, Resolution
from customdata.json_tree import Node, tree_of
from customdata.lints import Lint, lints
from customdata.models import CustomField, FieldMapping
from customdata.queries.previews import ConnectionPreview, Preview, connections_of, preview_expression
from customdata.queries.raw_choice import RecordChoice, record_choice
from customdata.queries.raw_samples import integration_sample
from portal.access import Viewer, connections_for
from syncengine.models import Connection, Integration

LOOKED_AT = 200  # connections that one preview looks at
EXAMPLES = 6
NOT_COMPILING = "not-compiling"


@dataclass(frozen=True, slots=True)
class Target:
    """What a mapping is for: an integration, or one connection of it.

    mapping:    its own, None while it has none.
    inherited:  the integration's mapping that a connection without one of its own follows.
    """

    field: CustomField
    data_type: str
    integration: Integration
    connection: Connection | None = None
    mapping: FieldMapping | None = None
    inherited: FieldMapping | None = None

    @property
    def json_path(self) -> str:
        shown = self.mapping or self.inherited
        return shown.json_path if shown else ""

    @property
    def own_path(self) -> str:
        return self.mapping.json_path if self.mapping else ""


def target_of(
    found: CustomField, data_type: str, integration: Integration, connection: Connection | None = None
) -> Target:
    """One query."""
    mappings = list(FieldMapping.objects.filter(field=found, deleted_at=None, integration=integration))
    shared = mappings[0] if mappings else None
    if connection is None:
        return Target(found, data_type, integration, None, shared)
    own = FieldMapping.objects.filter(field=found, deleted_at=None, connection=connection).first()
    return Target(found, data_type, integration, connection, own, shared)


# --- the record to pick from


@dataclass(frozen=True, slots=True)
class Looking:
    """The record that is open.

    choices:    connections to look at records of; one when the mapping is that connection's.
    document:   the record's content; `is_sample` when no record is kept and a made-up one is shown.
    """

    choices: Sequence[Connection]
    connection: Connection | None
    records: RecordChoice
    tree: Node
    search: str
    is_sample: bool
    is_empty: bool


def looking(
    user: Viewer, target: Target, *, wanted_connection: str, search: str, wanted: str, pick: str, json_path: str
) -> Looking:
    choices = _choices(user, target)
    connection = next((one for one in choices if str(one.pk) == wanted_connection), freshest(choices))
    records = RecordChoice([], None)
    if connection is not None:
        records = record_choice(
            connection, target.data_type, search=search, wanted=wanted, pick=pick, json_path=json_path
        )
    document: Any = records.opened.document if records.opened else None
    is_sample = records.opened is None and not search
    if is_sample:
        document = integration_sample(target.integration.key, target.data_type)
    tree = tree_of(document if document is not None else {}, search)
    return Looking(choices, connection, records, tree, search, is_sample, is_empty=not tree.children)


def _choices(user: Viewer, target: Target) -> list[Connection]:
    if target.connection is not None:
        return [target.connection]
    rows = connections_of(target.integration).filter(pk__in=connections_for(user).values("pk"))
    return list(rows[:LOOKED_AT])


# --- how an expression fares


@dataclass(frozen=True, slots=True)
class Example:
    connection: Connection
    resolution: Resolution


@dataclass(slots=True)
class Impact:
    """What a save would do.

    changes:     whether the expression is another than what the target has now.
    affected:    connections that the mapping counts for.
    own_count:   connections of the integration that keep a mapping of their own.
    finding, nothing, unknown:  of the connections looked at: those where it finds a value in some record, in none,
                 and those of which no record is kept.
    looked_at:   how many were looked at; fewer than `affected` for very many.
    """

    json_path: str
    changes: bool
    affected: int
    own_count: int
    looked_at: int
    finding: int = 0
    nothing: int = 0
    unknown: int = 0
    preview: Preview | None = None
    parts: list[ConnectionPreview] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    lints: list[Lint] = field(default_factory=list)

    @property
    def compiles(self) -> bool:
        return not any(lint.code == NOT_COMPILING for lint in self.lints)


def impact_of(target: Target, json_path: str) -> Impact:
    """Return what saving this expression would do; three queries at most."""
    affected, own_count, connections = _affected(target)
    impact = Impact(json_path, json_path != target.own_path, affected, own_count, len(connections))
    if not json_path.strip():
        return impact
    impact.lints = lints(json_path)
    impact.preview = preview_expression(json_path, connections, target.data_type)
    for part in impact.preview.connections:
        if part.coverage.resolved:
            impact.finding += 1
        elif part.coverage.evaluated:
            impact.nothing += 1
        else:
            impact.unknown += 1
    impact.parts = sorted(impact.preview.connections, key=_worst_first)
    impact.examples = _examples(impact.preview)
    return impact


def _affected(target: Target) -> tuple[int, int, list[Connection]]:
    if target.connection is not None:
        return 1, 0, [target.connection]
    all_of_it = connections_of(target.integration)
    own = FieldMapping.objects.filter(field=target.field, deleted_at=None, connection__in=all_of_it)
    inheriting = all_of_it.exclude(pk__in=own.values("connection"))
    count = all_of_it.count()
    own_count = own.count()
    return count - own_count, own_count, list(inheriting[:LOOKED_AT])


def _worst_first(part: ConnectionPreview) -> tuple[bool, float]:
    return part.coverage.evaluated == 0, part.coverage.share


def _examples(preview: Preview) -> list[Example]:
    """Return values from different connections first, then more of the same."""
    found = [
        (place, Example(part.connection, resolution))
        for part in preview.connections
        for place, resolution in enumerate(one for one in part.resolutions if one.outcome == Outcome.RESOLVED)
    ]
    return [example for _, example in sorted(found, key=lambda one: one[0])[:EXAMPLES]]
