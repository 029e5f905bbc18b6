"""What a URL may look like before anything is resolved, and the deployment's list of allowed private places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any
from urllib.parse import quote

import idna
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from syncengine.exceptions import AddressRefused
from syncengine.outbound.addresses import METADATA

type Place = tuple[str, int]  # host (lower case, no brackets), port

MAX_URL = 16_384
DEFAULT_PORTS = {"http": 80, "https": 443}
# Services that are not HTTP, or are HTTP without a lock: nothing of a business platform lives there.
# fmt: off
SERVICE_PORTS = frozenset({
    1025, 1080, 1433, 1434, 1521, 1723, 1883, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 2525, 3128, 3260, 3306, 3389,
    4369, 5060, 5061, 5222, 5432, 5433, 5671, 5672, 5900, 5901, 5938, 5984, 5985, 5986, 6000, 6379, 6380, 6432, 6443,
    6665, 6666, 6667, 6668, 6669, 6697, 7000, 7001, 7199, 7473, 7687, 8086, 8500, 8600, 9042, 9092, 9160, 9200, 9300,
    10250, 10255, 11211, 15672, 16379, 25672, 26379, 26257, 27017, 27018, 27019, 28017, 33060, 50000, 50070, 61616,
})
# fmt: on

_URL = re.compile(r"(?i)(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@%]+))(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_QUERY_SAFE = _PATH_SAFE + "?"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads. `host` is ASCII, lower case, without brackets; `path` and `query` are percent-encoded."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def resource(self) -> str:
        """Return what stands in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.resource}"


def target_of(
    url: str,
    params: Sequence[tuple[str, str]] = (),
    allowed: frozenset[Place] = frozenset(),
    *,
    inside: bool = False,
) -> Target:
    """Take a URL apart, strictly, and add `params` to its query (they never replace what stands there).

    inside:  it is not we who will call it, so any host and port may stand there.

    Raises: AddressRefused for every spelling that two programs could read differently, and for ports we do not call.
    """
    if len(url) > MAX_URL or _CONTROL.search(url):
        raise _refused("it is too long, or holds characters that do not belong in an address")
    match = _URL.fullmatch(url)
    if match is None:
        raise _refused("it must begin with http:// or https:// and a host name")
    scheme = match[1].lower()
    host, port = _host_and_port(match[2], scheme)
    if not inside and (host, port) not in allowed:
        _require_public_shape(host, port)
    return Target(scheme, host, port, quote(match[3] or "/", safe=_PATH_SAFE), _query(match[4] or "", params))


def allowed_places(entries: Iterable[str] | None = None) -> frozenset[Place]:
    """Return the host and port pairs of HEADRACE_OUTBOUND_ALLOW. Raises ImproperlyConfigured naming a bad entry."""
    if entries is None:
        entries = settings.HEADRACE_OUTBOUND_ALLOW
    return frozenset(_place(entry) for entry in entries)


@register("security")
def check_outbound_allow(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report every entry of HEADRACE_OUTBOUND_ALLOW that is not one exact host and port."""
    problems: list[CheckMessage] = []
    for entry in settings.HEADRACE_OUTBOUND_ALLOW:
        try:
            _place(entry)
        except ImproperlyConfigured as error:
            problems.append(
                Error(str(error), hint="Write host:port, for example erp.internal:8000.", id="headrace.E001")
            )
    return problems


def _place(entry: str) -> Place:
    match = _AUTHORITY.fullmatch(entry)
    if match is None or match[3] is None:
        raise ImproperlyConfigured(f"HEADRACE_OUTBOUND_ALLOW: {entry!r} is not host:port.")
    try:
        host, port = _host_and_port(entry, "http")
    except AddressRefused as error:
        raise ImproperlyConfigured(f"HEADRACE_OUTBOUND_ALLOW: {entry!r}: {error.headline}") from None
    if host in {str(address) for address in METADATA}:
        raise ImproperlyConfigured(f"HEADRACE_OUTBOUND_ALLOW: {entry!r} is a metadata service, which is never called.")
    return host, port


def _host_and_port(authority: str, scheme: str) -> Place:
    if "@" in authority:
        raise _refused("it holds a user name or password; these belong in the connection's settings")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise _refused("its host or port is not written in the usual way")
    port = int(match[3]) if match[3] else DEFAULT_PORTS[scheme]
    if not 0 < port < 65_536:
        raise _refused("its port is not a port number")
    return (_ipv6(match[1]) if match[1] else _name(match[2])), port


def _ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise _refused("its host is not an IPv6 address") from None


def _name(text: str) -> str:
    """Return a host name in ASCII and lower case; an IPv4 address must have its four plain decimal numbers."""
    host = text.lower() if text.isascii() else _ascii_name(text)
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("its host name is not written in the usual way")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(host))
        except AddressValueError:
            raise _refused("its host is a number in an unusual spelling") from None
    return host


def _ascii_name(text: str) -> str:
    try:
        return idna.encode(text, strict=True).decode("ascii").lower()
    except idna.IDNAError:
        raise _refused("its host name holds letters that are not allowed there") from None


def _require_public_shape(host: str, port: int) -> None:
    if port not in (80, 443) and (port < 1024 or port in SERVICE_PORTS):
        raise _refused(f"port {port} is not one that platforms answer on")
    if "." not in host and ":" not in host:
        raise _refused("its host name has no dot, so it is not on the public internet")


def _query(query: str, params: Sequence[tuple[str, str]]) -> str:
    parts = [quote(query, safe=_QUERY_SAFE)] if query else []
    # %20 and %2B, never "+": platforms disagree on what a plus sign means.
    parts += [f"{quote(name, safe='$[]')}={quote(value, safe='')}" for name, value in params]
    return "&".join(parts)


def _refused(why: str) -> AddressRefused:
    return AddressRefused(f"This address cannot be called: {why}.")
