"""Platform manifests: TOML files that say how a REST platform is read. Checked whole when they are loaded."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncengine.connectors.changes import Operation, WriteSupport
from syncengine.connectors.manifest_files import FILE, RECORD, read_attachments_table
from syncengine.connectors.manifest_parts import Auth, TypeManifest
from syncengine.connectors.manifest_sections import (
    Defaults,
    read_auth,
    read_incremental,
    read_paging,
    read_setting_fields,
    read_type,
)
from syncengine.connectors.manifest_writes import WRITE_KEYS, WritesManifest, read_wire
from syncengine.connectors.platforms import Limits, Platform, SettingField, TypeSupport
from syncengine.connectors.reading import Table, did_you_mean
from syncengine.connectors.templates import placeholders
from syncengine.connectors.zones import known_zone
from syncengine.datatypes import DATA_TYPES
from syncengine.exceptions import ManifestError

SOURCE_TYPES = ("Accounting", "Banking", "Commerce", "Expense")
_KEY = re.compile(r"[a-z]{4}")
_OAUTH2_CLIENT = (
    SettingField("client_id", "Client ID"),
    SettingField("client_secret", "Client secret", kind="password"),
)


@dataclass(frozen=True, slots=True)
class Manifest:
    key: str
    name: str
    source_type: str
    base_url: str
    auth: Auth
    types: Mapping[str, TypeManifest]
    description: str = ""
    test: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    mapping_version: str = "1"
    idle_days: int | None = None
    overlap_minutes: int | None = None
    zone: str = "UTC"
    limits: Limits = field(default_factory=Limits)
    client_fields: tuple[SettingField, ...] = ()
    connection_fields: tuple[SettingField, ...] = ()

    @property
    def platform(self) -> Platform:
        """What the catalogue shows of it."""
        return Platform(
            key=self.key,
            name=self.name,
            source_type=self.source_type,
            auth=self.auth.kind,
            types={data_type: _support(found) for data_type, found in self.types.items()},
            limits=self.limits,
            idle_days=self.idle_days,
            overlap_minutes=self.overlap_minutes,
            connection_fields=self.connection_fields,
            client_fields=self.client_fields,
            description=self.description,
            mapping_version=self.mapping_version,
        )

    @property
    def defaults(self) -> dict[str, str]:
        """The settings' default values, by name."""
        return {field.name: field.default for field in (*self.client_fields, *self.connection_fields) if field.default}


def _support(found: TypeManifest) -> TypeSupport:
    return TypeSupport(
        data_type=found.data_type,
        endpoint=found.endpoint,
        incremental=found.incremental is not None,
        reports_deletions=found.incremental is not None and found.incremental.reports_deletions,
        requires=found.requires,
        attachments=found.attachments is not None,
        pdf=bool(found.pdf),
        writes=_write_supports(found.writes),
    )


def _write_supports(writes: WritesManifest | None) -> tuple[WriteSupport, ...]:
    if writes is None:
        return ()
    wire = writes.wire
    return tuple(
        WriteSupport(
            operation,
            idempotent=bool(wire.idempotency_header),
            searchable=wire.marker is not None and operation is Operation.CREATE,
        )
        for operation in writes.operations
    )


def load_manifest(path: Path) -> Manifest:
    """Raises: ManifestError naming the file and the dotted key at fault."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ManifestError(path.name, "(whole file)", f"is not UTF-8 text: byte {error.start}") from None
    manifest = parse_manifest(text, path.name)
    if manifest.key != path.stem:
        raise ManifestError(path.name, "key", f"is {manifest.key!r}, but the file is named {path.name}")
    return manifest


def parse_manifest(text: str, file: str) -> Manifest:
    """Raises: ManifestError naming `file` and the dotted key at fault."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(file, "(whole file)", f"is not TOML: {error}") from None
    return _read(Table(file, "", values))


def _read(table: Table) -> Manifest:
    auth = read_auth(table.needed_table("auth"))
    manifest = Manifest(
        key=_key(table),
        name=table.needed_text("name"),
        source_type=table.choice("source_type", SOURCE_TYPES),
        base_url=table.needed_text("base_url"),
        auth=auth,
        types=_types(table),
        description=table.text("description"),
        test=table.text("test"),
        headers=table.text_table("headers"),
        mapping_version=table.text("mapping_version", "1"),
        idle_days=table.number("idle_days", least=1),
        overlap_minutes=table.number("overlap_minutes"),
        zone=_zone(table),
        limits=_limits(table),
        client_fields=_client_fields(table, auth),
        connection_fields=read_setting_fields(table, "connection_fields"),
    )
    table.done()
    _check_setting_names(table, manifest)
    _check_placeholders(table, manifest)
    return manifest


def _key(table: Table) -> str:
    key = table.needed_text("key")
    if not _KEY.fullmatch(key):
        raise table.fault("key", f"{key!r} is not four lower-case letters")
    return key


def _zone(table: Table) -> str:
    zone = table.text("zone", "UTC")
    if not known_zone(zone):
        raise table.fault("zone", f"{zone!r} is not a time zone")
    return zone


def _limits(table: Table) -> Limits:
    inner = table.table("limits")
    if inner is None:
        return Limits()
    limits = Limits(inner.number("per_connection_minute") or 0, inner.number("per_integration_minute") or 0)
    inner.done()
    return limits


def _client_fields(table: Table, auth: Auth) -> tuple[SettingField, ...]:
    fields = read_setting_fields(table, "client_fields")
    if auth.kind != "oauth2":
        return fields
    if not fields:
        return _OAUTH2_CLIENT
    if "client_id" not in {field.name for field in fields}:
        raise table.fault("client_fields", "must name client_id, which OAuth2 needs")
    return fields


def _types(table: Table) -> dict[str, TypeManifest]:
    defaults = _defaults(table)
    types = table.needed_table("types")
    if not types.values:
        raise table.fault("types", "must name at least one data type")
    return {name: _type(types, name, defaults) for name in types.values}


def _defaults(table: Table) -> Defaults:
    """Return the sections that stand for all types, each checked by itself."""
    wire = read_wire(table.table("writes"))
    defaults = Defaults(table.table("paging"), table.table("incremental"), table.table("attachments"), wire)
    if defaults.paging is not None:
        read_paging(defaults.paging, None)
    if defaults.incremental is not None:
        read_incremental(defaults.incremental)
    if defaults.attachments is not None:
        read_attachments_table(defaults.attachments, "")
    return defaults


def _type(types: Table, name: str, defaults: Defaults) -> TypeManifest:
    if name not in DATA_TYPES:
        raise types.fault(name, f"is not a data type{did_you_mean(name, DATA_TYPES)}")
    return read_type(types.needed_table(name), name, defaults)


def _check_setting_names(table: Table, manifest: Manifest) -> None:
    names = [field.name for field in (*manifest.client_fields, *manifest.connection_fields)]
    for name in names:
        if names.count(name) > 1:
            raise table.fault("connection_fields", f"the name {name} is used twice")
        if name in (RECORD, FILE):
            raise table.fault("connection_fields", f"the name {name} stands for something else in addresses")


def _check_placeholders(table: Table, manifest: Manifest) -> None:
    """Every `{name}` must be a setting somebody can fill in; secrets may not travel in addresses."""
    known = [f.name for f in (*manifest.client_fields, *manifest.connection_fields) if f.kind != "password"]
    for key, text, own in _templates(manifest):
        try:
            names = placeholders(text)
        except ValueError as error:
            raise ManifestError(table.file, key, str(error)) from None
        for name in names:
            if name not in known and name not in own:
                problem = f"{{{name}}} is no setting of this platform{did_you_mean(name, known)}"
                raise ManifestError(table.file, key, problem)


def _templates(manifest: Manifest) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield each text that may hold placeholders: its key, the text, and the names that are known there besides."""
    auth: Any = manifest.auth
    yield "base_url", manifest.base_url, ()
    yield "test", manifest.test, ()
    yield from ((f"auth.{name}", getattr(auth, name), ()) for name in ("authorize_url", "token_url", "revoke_url"))
    yield from ((f"headers.{name}", text, ()) for name, text in manifest.headers.items())
    for found in manifest.types.values():
        yield from ((f"types.{found.data_type}.{key}", text, own) for key, text, own in _type_templates(found))


def _type_templates(found: TypeManifest) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    yield "endpoint", found.endpoint, ()
    yield from ((f"query.{name}", text, ()) for name, text in found.query.items())
    yield "pdf", found.pdf, (RECORD,)
    if found.attachments is not None:
        for name in ("endpoint", "one", "download"):
            yield f"attachments.{name}", getattr(found.attachments, name), (RECORD, FILE)
    if found.writes is not None:
        for operation, write in found.writes.operations.items():
            yield f"writes.{WRITE_KEYS[operation]}.endpoint", write.endpoint, (RECORD,)
