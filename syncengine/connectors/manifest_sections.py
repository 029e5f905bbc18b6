"""How each section of a manifest is read and checked. Everything here raises ManifestError with the key at fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncengine.connectors.fields import read_fields
from syncengine.connectors.manifest_files import read_attachments, read_pdf
from syncengine.connectors.manifest_parts import Auth, Deleted, Incremental, Months, Paging, Stamp, TypeManifest
from syncengine.connectors.manifest_writes import Wire, read_writes
from syncengine.connectors.paths import Path
from syncengine.connectors.platforms import SettingField
from syncengine.connectors.reading import Table, did_you_mean
from syncengine.datatypes import DATA_TYPES
from syncengine.validation.model import record_shape

PAGING_STYLES = ("page", "offset", "cursor", "link", "none")
STAMP_FORMATS = ("iso", "date", "unix", "unix-ms", "http-date")
MODIFIED_FORMS = ("date", "unix", "unix-ms", "msdate")
_SETTING_KINDS = ("text", "url", "password")


def read_auth(table: Table) -> Auth:
    if table.choice("kind", ("oauth2", "none")) == "none":
        table.done()
        return Auth("none")
    auth = Auth(
        "oauth2",
        authorize_url=table.needed_text("authorize_url"),
        token_url=table.needed_text("token_url"),
        revoke_url=table.text("revoke_url"),
        scopes=table.texts("scopes"),
        client_auth=table.choice("client_auth", ("basic", "post"), "basic"),
        pkce=table.boolean("pkce", True),
        authorize_params=table.text_table("authorize_params"),
        expires_in=table.number("expires_in", least=1, most=10 * 365 * 86400) or 3600,
    )
    table.done()
    return auth


def read_setting_fields(table: Table, name: str) -> tuple[SettingField, ...]:
    found = []
    for inner in table.tables(name):
        field_ = SettingField(
            name=inner.needed_text("name"),
            label=inner.needed_text("label"),
            help=inner.text("help"),
            kind=inner.choice("kind", _SETTING_KINDS, "text"),
            required=inner.boolean("required", True),
            default=inner.text("default"),
        )
        if not field_.name.isidentifier():
            raise inner.fault("name", f"{field_.name!r} is not a plain name (letters, digits and underscores)")
        inner.done()
        found.append(field_)
    return tuple(found)


def read_paging(own: Table | None, default: Table | None) -> Paging:
    """Return the type's own paging over the manifest's default; a table that names a style stands alone."""
    table = _over(own, default, "style")
    if table is None:
        return Paging()
    paging = Paging(
        style=table.choice("style", PAGING_STYLES),
        param=table.text("param"),
        first=_or(table.number("first"), 1),
        size_param=table.text("size_param"),
        size=table.number("size", least=1, most=50_000),
        max_size=table.number("max_size", least=1, most=50_000),
        next=table.path("next"),
        last=table.path("last"),
        total=table.path("total"),
        pages=table.path("pages"),
        more=table.path("more"),
        stop=table.choice("stop", ("empty", "short"), "empty"),
    )
    table.done()
    _check_paging(paging, table)
    return paging


def _check_paging(paging: Paging, table: Table) -> None:
    if paging.style in ("page", "offset", "cursor") and not paging.param:
        raise table.fault("param", f"is missing: paging by {paging.style} needs it")
    if paging.style == "cursor" and (paging.next is None) == (paging.last is None):
        raise table.fault("next", "paging by cursor needs exactly one of next and last")
    if bool(paging.size_param) and paging.size is None:
        raise table.fault("size", "is missing: size_param needs it")
    if paging.stop == "short" and paging.size is None:
        raise table.fault("size", "is missing: a short page cannot be told without it")


def _over(own: Table | None, default: Table | None, whole: str) -> Table | None:
    if own is None or default is None or whole in own:
        return own if own is not None else default
    return Table(own.file, own.key, {**default.values, **own.values})


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def read_stamp(table: Table, *, headers: bool) -> Stamp:
    stamp = Stamp(
        param=table.text("param"),
        header=table.text("header") if headers else "",
        format=table.choice("format", STAMP_FORMATS, "iso"),
    )
    if bool(stamp.param) == bool(stamp.header):
        raise table.fault("param", "exactly one of param and header is needed" if headers else "is missing")
    return stamp


def read_incremental(table: Table) -> Incremental:
    incremental = Incremental(
        stamp=read_stamp(table, headers=True),
        reports_deletions=table.boolean("reports_deletions", False),
        query=table.text_table("query"),
    )
    table.done()
    return incremental


@dataclass(frozen=True, slots=True)
class Defaults:
    """The sections that stand for all types, as they were written."""

    paging: Table | None = None
    incremental: Table | None = None
    attachments: Table | None = None
    wire: Wire = field(default_factory=Wire)


def read_type(table: Table, data_type: str, defaults: Defaults) -> TypeManifest:
    single = table.boolean("single", False)
    endpoint = _endpoint(table)
    found = TypeManifest(
        data_type=data_type,
        endpoint=endpoint,
        fields=read_fields(table.needed_table("fields"), record_shape(data_type)),
        key=_key(table, single),
        records=table.member_path("records") or (),
        single=single,
        modified=table.path("modified"),
        modified_as=table.choice("modified_as", MODIFIED_FORMS, "date"),
        deleted=_deleted(table),
        query=table.text_table("query"),
        paging=Paging() if single else read_paging(table.table("paging"), defaults.paging),
        incremental=_type_incremental(table, None if single else defaults.incremental),
        not_before=_not_before(table),
        months=_months(table),
        requires=_requires(table),
        attachments=read_attachments(table, endpoint, defaults.attachments),
        pdf=read_pdf(table, endpoint),
        writes=read_writes(table.table("writes"), data_type, endpoint, defaults.wire),
    )
    if single and "paging" in table:
        raise table.fault("paging", "a single type is not paged")
    table.done()
    return found


def _endpoint(table: Table) -> str:
    endpoint = table.needed_text("endpoint")
    if not endpoint.startswith("/") or endpoint.startswith("//") or any(sign in endpoint for sign in "?# \\"):
        raise table.fault("endpoint", "must begin with one / and hold no query, fragment, blank or backslash")
    return endpoint


def _key(table: Table, single: bool) -> tuple[Path, ...]:
    spec: Any = table.raw("key")
    if spec is None and not single:
        raise table.fault("key", "is missing")
    if type(spec) is not list:
        path = table.path("key")
        return () if path is None else (path,)
    texts = table.texts("key")
    if not texts:
        raise table.fault("key", "must name at least one member")
    return tuple(table.parsed("key", text) for text in texts)


def _deleted(table: Table) -> Deleted | None:
    if type(table.raw("deleted")) is not dict:
        path = table.path("deleted")
        return None if path is None else Deleted(path)
    inner = table.needed_table("deleted")
    words = inner.texts("equals")
    if not words:
        raise inner.fault("equals", "must name at least one word")
    deleted = Deleted(inner.parsed("from", inner.needed_text("from")), frozenset(words))
    inner.done()
    return deleted


def _type_incremental(table: Table, default: Table | None) -> Incremental | None:
    if table.raw("incremental") is False:
        return None
    own = table.table("incremental")
    if own is not None and default is not None and not ({"param", "header"} & set(own.values)):
        own = Table(own.file, own.key, {**default.values, **own.values})
    wanted = own if own is not None else default
    return None if wanted is None else read_incremental(wanted)


def _not_before(table: Table) -> Stamp | None:
    inner = table.table("not_before")
    if inner is None:
        return None
    stamp = read_stamp(inner, headers=False)
    inner.done()
    return stamp


def _months(table: Table) -> Months | None:
    inner = table.table("months")
    if inner is None:
        return None
    months = Months(inner.needed_text("param"), inner.number("default", least=1, most=240) or 12)
    inner.done()
    return months


def _requires(table: Table) -> tuple[str, ...]:
    wanted = table.texts("requires")
    for data_type in wanted:
        if data_type not in DATA_TYPES:
            raise table.fault("requires", f"{data_type} is not a data type{did_you_mean(data_type, DATA_TYPES)}")
    return wanted
