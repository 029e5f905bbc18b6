"""Which IP addresses are public, and which private ones the deployment may allow by name."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

type Address = IPv4Address | IPv6Address

# Cloud metadata and credential services: never called, not even when a deployment allows the name that leads there.
METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.169.253",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",  # a public address by number, yet Azure answers it on the host itself
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)

# The tables are written out, because `is_global` differs between Python releases and calls some of these global.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, benchmarks, ORCHID and their neighbours
        "2001:db8::/32",
        "2002::/16",  # 6to4, whatever it embeds
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ALLOWABLE_V4 = tuple(
    IPv4Network(text) for text in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
_ALLOWABLE_V6 = (IPv6Network("::1/128"), IPv6Network("fc00::/7"))


def is_public(text: str) -> bool:
    """Say whether this is one global unicast address; False for anything that is not an address."""
    address = _address(text)
    if address is None or address in METADATA:
        return False
    if isinstance(address, IPv6Address):
        return _is_public_v6(address)
    return _is_public_v4(address)


def is_allowable(text: str) -> bool:
    """Say whether a deployment may allow this address by name: public, private or loopback, never metadata."""
    address = _address(text)
    if address is None or address in METADATA:
        return False
    if isinstance(address, IPv6Address):
        return any(address in network for network in _ALLOWABLE_V6) or _is_public_v6(address)
    return any(address in network for network in _ALLOWABLE_V4) or _is_public_v4(address)


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.scope_id:
        return None
    return address


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not any(address in network for network in _NOT_PUBLIC_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    if address in _NAT64:
        # Networks without IPv4 reach all of it through this prefix, so the embedded address decides.
        embedded = IPv4Address(int(address) & 0xFFFFFFFF)
        return embedded not in METADATA and _is_public_v4(embedded)
    return (
        address in _GLOBAL_UNICAST_V6
        and address.is_global
        and not any(address in network for network in _NOT_PUBLIC_V6)
    )
