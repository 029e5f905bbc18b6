"""Any model of Tryton, read for a custom data type: `party.category`, or `party.party?domain=[["lang.code","=","en"]]`.

Only the fields that are kept are asked for. What lies behind a relation comes nested (`party.name`, `lines.amount`),
and what JSON has no word for comes as a person would write it: days and times in ISO form, decimals as numbers. A
model has no pages of its own: ids are walked upwards, and swept after a read of changes where the id is the key.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from django.conf import settings as deployment

from syncengine.connectors.base import Cursor, FetchPlan, Http, HttpAnswer, Json, RecordRefused
from syncengine.connectors.endpoints import Layout, Opened, Wanted
from syncengine.connectors.tryton.places import company_server, server_of
from syncengine.connectors.tryton.protocol import Domain, Row, Server, ask, changed_since, decoded, rows
from syncengine.connectors.tryton.values import iso, moment_of
from syncengine.connectors.wire import Envelope, split_records
from syncengine.exceptions import BadAnswer, SourceRefused, SourceUnavailable
from syncengine.states import ReadMode

PAGE, SWEEP_PAGE = 200, 2000
_MODEL = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")
_ALWAYS = ("id", "create_date", "write_date")
_MEMBERS_SHOWN = 15
_DAY, _TIME = ("year", "month", "day"), ("hour", "minute", "second", "microsecond")
# Sorted: Tryton's own order changes from one start of the server to the next.
_encode = msgspec.json.Encoder(decimal_format="number", order="sorted").encode


class _Key(msgspec.Struct):
    id: int


_keys = msgspec.json.Decoder(_Key)


class ModelEndpoint:
    """Implements endpoints.Endpoint."""

    zone = "UTC"
    asks_for_changes = True

    def __init__(self, data_source: str, wanted: Wanted) -> None:
        """Raises: SourceRefused."""
        self.path, self._domain = _taken_apart(data_source)
        self.name = self.path.rpartition(".")[2]
        self._members = wanted.members
        self._sweeps = wanted.key == ("id",)

    def ask(self, plan: FetchPlan, cursor: Cursor | None, http: Http, *, changes: bool) -> HttpAnswer:
        place = dict(cursor) if cursor else self._begin(plan, http, changes)
        server = server_of(plan.settings, http).in_company(int(place["company"]))
        domain: Domain = [["id", ">", place["after"]], *self._domain]
        if place["sweeping"]:
            found = rows(server, self.path, ("id",), domain=domain, limit=SWEEP_PAGE)
        else:
            if place["changes"] and plan.since is not None:
                domain.append(changed_since(plan.since))
            found = self._rows(server, place["fields"], domain, _size(plan))
        told = {name: json.dumps(place[name]) for name in ("company", "fields", "changes")}
        return HttpAnswer(200, told, _encode([_plain(row) for row in found]), server.model_url(self.path))

    def open(self, answer: HttpAnswer, layout: Layout, plan: FetchPlan, cursor: Cursor | None) -> Opened:
        most, record_bytes = deployment.HEADRACE_MAX_PAGE_RECORDS, deployment.HEADRACE_MAX_RECORD_BYTES
        sweeping = bool(cursor and cursor["sweeping"])
        envelope = split_records(answer.body, (), max(most, SWEEP_PAGE), record_bytes)
        ids = [_keys.decode(text).id for text in envelope.records]
        place = {name: json.loads(text) for name, text in answer.headers.items()}
        following = None
        if len(ids) >= (SWEEP_PAGE if sweeping else _size(plan)):
            following = {**place, "after": ids[-1], "sweeping": sweeping}
        elif place["changes"] and self._sweeps and not sweeping:
            following = {**place, "after": 0, "sweeping": True}
        if sweeping:
            return Opened(Envelope([]), following, known=tuple(map(str, ids)))
        return Opened(envelope, following, warnings=envelope.warnings)

    def is_tombstone(self, record: Json) -> bool:
        return False

    def _rows(self, server: Server, fields: Sequence[str], domain: Domain, size: int) -> list[Row]:
        try:
            return rows(server, self.path, fields, domain=domain, limit=size)
        except SourceUnavailable as failure:
            if failure.status_code != 500 or not self._domain:
                raise
            raise SourceRefused(
                f"Tryton cannot answer for {self.path}. The domain of the data source may name what it does not have.",
                upstream=failure.upstream,
                status_code=500,
            ) from failure

    def _begin(self, plan: FetchPlan, http: Http, changes: bool) -> dict[str, Json]:
        server, company = company_server(plan.settings, http)
        fields = [*_ALWAYS, *_fields(server, self.path, self._members)]
        incremental = changes and plan.mode == ReadMode.INCREMENTAL and plan.since is not None
        return {
            "company": company,
            "fields": list(dict.fromkeys(fields)),
            "changes": incremental,
            "after": 0,
            "sweeping": False,
        }


def _size(plan: FetchPlan) -> int:
    return min(plan.page_size or PAGE, PAGE)


def _taken_apart(data_source: str) -> tuple[str, Domain]:
    model, _, query = data_source.strip().partition("?")
    model = model.removeprefix("/")
    if not _MODEL.fullmatch(model):
        shown = model if len(model) <= 100 else model[:97] + "…"
        raise SourceRefused(f"The data source {shown} is not a model of Tryton, such as party.category.")
    domain: Domain = []
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name != "domain":
            raise SourceRefused(f"A data source at Tryton takes a domain and nothing else; it has {name[:100]}.")
        domain += _domain(text)
    return model, domain


def _domain(text: str) -> Domain:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise SourceRefused('The domain of the data source is not a list, such as [["name", "=", "Retail"]].')
    return [found]


# --- which fields to ask for


def _fields(server: Server, model: str, members: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the fields' dotted names, each as far as relations lead. Raises: SourceRefused naming a wrong one."""
    described = _described(server, model)
    asked: list[str] = []
    for name in dict.fromkeys(names[0] for names in members):
        field = described.get(name)
        if field is None:
            raise SourceRefused(_no_field(model, name, described))
        inner = [names[1:] for names in members if names[0] == name and len(names) > 1]
        relation = field.get("relation")
        asked += [f"{name}.{below}" for below in _fields(server, relation, inner)] if relation and inner else [name]
    return asked


def _described(server: Server, model: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        found = decoded(ask(server, "POST", f"{server.model_url(model)}/fields_get", body={"fields_names": []}))
    except SourceUnavailable as failure:
        if failure.status_code != 500:
            raise
        # Tryton fails at a name it does not know, and says no more than the name.
        raise SourceRefused(
            f"Tryton has no model {model}, or cannot describe it.", upstream=failure.upstream, status_code=500
        ) from failure
    return found if isinstance(found, dict) else {}


def _no_field(model: str, name: str, described: Mapping[str, Any]) -> str:
    known = ", ".join(sorted(described)[:_MEMBERS_SHOWN])
    return f"Tryton's {model} has no field {name[:100]}. Its fields begin with: {known}."


# --- values


def _plain(value: Json) -> Json:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind is None:
        return {name: _plain(member) for name, member in value.items() if name != "__name__"}
    try:
        return _VALUES[kind](value) if kind in _VALUES else value
    except (KeyError, TypeError, ValueError, ArithmeticError, RecordRefused) as error:
        raise BadAnswer(f"Tryton answered a {kind} that is none.") from error


def _stamp(value: Row) -> str:
    moment = moment_of({"at": value}, "at")
    return iso(moment) or ""


def _clock(value: Row) -> str:
    hour, minute, second, microsecond = (value[part] for part in _TIME)
    return f"{hour:02}:{minute:02}:{second:02}" + (f".{microsecond:06}" if microsecond else "")


_VALUES: dict[str, Callable[[Row], Json]] = {
    "datetime": _stamp,
    "date": lambda value: "{:04}-{:02}-{:02}".format(*(value[part] for part in _DAY)),
    "time": _clock,
    "timedelta": lambda value: value["seconds"],
    "Decimal": lambda value: Decimal(value["decimal"]),
    "bytes": lambda value: b64decode(value["base64"]),
}
