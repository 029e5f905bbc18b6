"""No name, number, spelling or trick leads a Session to an address that is not public."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from django.core.exceptions import ImproperlyConfigured

from syncengine.exceptions import AddressRefused, SourceUnavailable
from syncengine.outbound import Session
from syncengine.outbound.targets import allowed_places, check_outbound_allow
from tests.syncengine.outbound.conftest import Notes

PUBLIC = "93.184.215.14"
PUBLIC_V6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

INSIDE = [
    "127.0.0.1", "127.0.0.2", "127.127.127.127", "127.255.255.254", "0.0.0.0", "0.0.0.1", "0.255.255.255",
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255",
    "169.254.169.254", "169.254.170.2", "169.254.0.1", "168.63.129.16", "100.100.100.200", "100.64.0.1",
    "100.127.255.255", "192.0.0.192", "192.0.0.1", "192.0.0.9", "192.0.2.1", "198.51.100.7", "203.0.113.9",
    "198.18.0.1", "198.19.255.255", "192.88.99.1", "224.0.0.1", "224.0.1.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "255.255.255.254",
]  # fmt: skip
INSIDE_V6 = [
    "::", "::1", "::2", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
    "fdff::1", "ff02::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8",
    "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254", "64:ff9b::168.63.129.16", "64:ff9b:1::1", "64:ff9b:1::8.8.8.8", "2002:7f00:1::1",
    "2002:a9fe:a9fe::1", "2002:808:808::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::1", "2001:2::1",
    "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1", "3fff:fff::1", "100::1", "4000::1", "5f00::1", "::ffff",
    "fe80::a9fe:a9fe",
]  # fmt: skip
SPELLINGS = [
    "2130706433", "0x7f000001", "0x7f.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0",
    "0x0", "00.0.0.0", "127.0.0.01", "127.0.0.1.", "127.0.0.0x1", "1.1", "134744072", "0x08080808", "8.8.2056",
    "010.8.8.8", "8.8.8.008", "8.8.8.8.", "8.8.8.8.8", "256.8.8.8", "8.8.8.-1", "0xa9fea9fe", "2852039166",
    "169.254.43518", "0251.0376.0251.0376", "0X7F.1", "1e1.0", "good.example.", "good..example", ".good.example",
    "-good.example", "good-.example", "good.example-", "good example", "good%2eexample", "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "ⓛocalhost.example",
    "good.exampl\u0435\u200b", "good\u00ad.example", "ex\u2100mple.com", "localhost", "LOCALHOST",
    "metadata", "intranet",
    "a" * 64 + ".example", ".".join(["abcdefgh"] * 32), "good,example", "good;example", "good$.example",
    "good!.example",
    "good'.example", "good(.example", "good*.example", "*.example", "[::1", "::1]", "[::1]]", "[[::1]]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]", "[127.0.0.1]", "[::1%]", "[v1.fe]", "[]", "[:::1]", "[::ffff:0x7f.1]", "", "@good.example",
    "user@good.example", "user:password@good.example", "good.example@127.0.0.1", "127.0.0.1@good.example",
    "good.example%40127.0.0.1", "good.example:80@127.0.0.1", "good.example:", "good.example:http", "good.example:-80",
    "good.example:+80", "good.example: 80", "good.example:0", "good.example:65536", "good.example:443443",
    "good.example:８０", "good.example:80:80", "good.example\\@127.0.0.1", "127.0.0.1\\.good.example",
    "127.0.0.1\t", "good.example\r\nHost: inside", "good.example\x00.inside", "\u202egood.example",
]  # fmt: skip
PORTS = [1, 7, 21, 22, 23, 25, 53, 110, 111, 139, 143, 389, 445, 465, 587, 631, 636, 993, 1023, 1433, 2049, 2375, 2379,
         3128, 3306, 3389, 5432, 5672, 5900, 5985, 6000, 6379, 6443, 9200, 10250, 11211, 27017]  # fmt: skip
WHOLE = [
    "", " ", "good.example", "//good.example/", "/x", "file:///etc/passwd", "ftp://good.example/", "gopher://good.example/",
    "dict://good.example:11211/", "ldap://good.example/", "ws://good.example/", "javascript:alert(1)", "data:,x",
    "http:/good.example", "http:good.example", "http:///good.example", "http://", "https://", "http://?x", "http://#x",
    "http://\\good.example", "http:\\\\good.example", " http://good.example/", "http ://good.example/",
    "http://good.example/\r\nX: y", "http://good.example/\x7f", "http://good.example\\..\\x", "unix:///var/run/docker.sock",
    "http+unix://socket/x", "jar:http://good.example!/", "netdoc:///etc/passwd", "http://good.example/" + "x" * 20_000,
]  # fmt: skip
NAMES = {
    "good.example": [PUBLIC],
    "both.example": [PUBLIC_V6, PUBLIC],
    "nat64.example": ["64:ff9b::5db8:d70e"],
    "xn--bcher-kva.example": [PUBLIC],
    "mixed.example": [PUBLIC, "10.0.0.1"],
    "mixed6.example": ["::1", PUBLIC],
    "scoped.example": ["fe80::1%2"],
    "odd.example": ["not an address"],
    **{f"n{number}.example": [address] for number, address in enumerate(INSIDE + INSIDE_V6)},
}
HOSTILE = [
    *(f"http://{address}/" for address in INSIDE),
    *(f"https://[{address}]/" for address in INSIDE_V6),
    *(f"https://n{number}.example/x" for number in range(len(INSIDE + INSIDE_V6))),
    *(f"http://{spelling}/" for spelling in SPELLINGS),
    *(f"http://good.example:{port}/" for port in PORTS),
    *(f"https://{name}.example/" for name in ("mixed", "mixed6", "scoped", "odd")),
    *WHOLE,
]
GOOD = [
    ("https://good.example/", [(PUBLIC, 443)]),
    ("http://good.example/", [(PUBLIC, 80)]),
    ("http://good.example", [(PUBLIC, 80)]),
    ("HTTPS://GOOD.example/", [(PUBLIC, 443)]),
    ("https://good.example:443/x", [(PUBLIC, 443)]),
    ("https://good.example:8443/x", [(PUBLIC, 8443)]),
    ("http://good.example:8080/x", [(PUBLIC, 8080)]),
    ("http://good.example:8000", [(PUBLIC, 8000)]),
    ("https://good.example:1024/", [(PUBLIC, 1024)]),
    ("https://good.example:65535/", [(PUBLIC, 65535)]),
    ("https://good.example?next=http://127.0.0.1/", [(PUBLIC, 443)]),
    ("https://good.example/a@b:c", [(PUBLIC, 443)]),
    ("https://good.example/../127.0.0.1", [(PUBLIC, 443)]),
    ("https://good.example/Zoë?name=Zoë and", [(PUBLIC, 443)]),
    ("https://good.example/#127.0.0.1", [(PUBLIC, 443)]),
    ("https://both.example/", [(PUBLIC_V6, 443), (PUBLIC, 443)]),
    ("https://nat64.example/", [("64:ff9b::5db8:d70e", 443)]),
    ("https://bücher.example/", [(PUBLIC, 443)]),
    ("https://xn--bcher-kva.example/", [(PUBLIC, 443)]),
    ("http://8.8.8.8/", [("8.8.8.8", 80)]),
    ("http://172.15.255.255/", [("172.15.255.255", 80)]),
    ("http://172.32.0.1/", [("172.32.0.1", 80)]),
    ("http://100.63.255.255/", [("100.63.255.255", 80)]),
    ("http://100.128.0.1/", [("100.128.0.1", 80)]),
    ("http://11.0.0.1/", [("11.0.0.1", 80)]),
    ("http://223.255.255.255/", [("223.255.255.255", 80)]),
    ("https://[2606:4700:4700::1111]/", [("2606:4700:4700::1111", 443)]),
    ("https://[2606:4700:4700:0:0:0:0:1111]:8443/", [("2606:4700:4700::1111", 8443)]),
    ("https://[2a00:1450:4001:81b::200e]", [("2a00:1450:4001:81b::200e", 443)]),
]


class Net:
    """A resolver with the system's own habits (odd numbers included) and a socket that only writes down."""

    def __init__(self) -> None:
        self.names = {name: list(addresses) for name, addresses in NAMES.items()}
        self.questions: list[str] = []
        self.connects: list[tuple[str, int]] = []

    def getaddrinfo(self, host: str, port: int, *args: object, **kwargs: object) -> list[tuple]:
        self.questions.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self._answers(host)]

    def connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        self.connects.append(address[:2])
        raise ConnectionRefusedError

    def _answers(self, host: str) -> list[str]:
        if host in self.names:
            return self.names[host]
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        try:
            return [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            raise socket.gaierror from None


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    net = Net()
    monkeypatch.setattr(socket, "getaddrinfo", net.getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", lambda sock, address: net.connect(sock, address))
    return net


def refusal_of(url: str, **options: object) -> str:
    with Session(**options) as session, pytest.raises(AddressRefused) as refusal:
        session.request("GET", url)
    return refusal.value.headline


def attempt(url: str, **options: object) -> str:
    """Try a URL that is fine; the recorder refuses the connection, and that is what the Session says."""
    with Session(**options) as session, pytest.raises(SourceUnavailable) as failure:
        session.request("GET", url)
    return failure.value.headline


def test_there_are_enough_hostile_and_good_urls():
    assert (len(set(HOSTILE)) >= 120, len(GOOD) >= 20) == (True, True)


def test_no_hostile_url_is_connected_to(net):
    refused = []
    with Session() as session:
        for url in HOSTILE:
            with pytest.raises(AddressRefused):
                session.request("GET", url)
            refused.append(url)
    assert (refused, net.connects) == (HOSTILE, [])


@pytest.mark.parametrize(("url", "connects"), GOOD)
def test_good_urls_are_connected_to_at_a_checked_literal(net, url, connects):
    assert attempt(url) == "The platform could not be reached."
    assert net.connects == connects


def test_a_name_is_resolved_once_and_never_again_for_one_connection(net):
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    net._answers = lambda host: next(answers)
    attempt("https://rebinding.example/")
    assert (net.questions, net.connects) == (["rebinding.example"], [(PUBLIC, 443)])


def test_a_name_that_was_good_before_and_turns_inward_is_refused(net):
    attempt("https://good.example/")
    net.names["good.example"] = ["192.168.1.1"]
    refusal_of("https://good.example/")
    assert net.connects == [(PUBLIC, 443)]


def test_a_refusal_reads_the_same_whatever_is_behind_the_address(net):
    open_or_closed = {refusal_of(f"http://127.0.0.1:{port}/") for port in (80, 443, 8000, 8001)}
    names = {refusal_of(f"https://n{number}.example/") for number in range(len(INSIDE))}
    assert open_or_closed | names == {"This address cannot be called: it does not lead to the public internet."}


def test_an_unknown_name_is_a_fault_that_may_pass(net):
    assert attempt("https://nowhere.example/") == "The platform's host name could not be found."


def test_a_refused_address_is_told_to_the_observer_without_its_secrets(net):
    notes = Notes()
    refusal_of("http://user:hunter22@127.0.0.1/?access_token=abcdef&page=2", observer=notes)
    assert [(e.method, e.url, e.status_code, e.error_message) for e in notes.exchanges] == [
        (
            "GET",
            "http://127.0.0.1/?access_token=***&page=2",
            None,
            "This address cannot be called: it holds a user name or password; "
            "these belong in the connection's settings.",
        )
    ]


# --- the deployment's own list


ALLOWED = ["erp.internal:8069", "sandbox:8010", "127.0.0.1:6379", "[::1]:9000", "10.1.2.3:22"]


@pytest.mark.parametrize(
    ("url", "connects"),
    [
        ("http://erp.internal:8069/x", [("10.9.9.9", 8069)]),
        ("http://ERP.internal:8069/x", [("10.9.9.9", 8069)]),
        ("http://sandbox:8010/", [("172.18.0.2", 8010)]),
        ("http://127.0.0.1:6379/", [("127.0.0.1", 6379)]),
        ("http://[::1]:9000/", [("::1", 9000)]),
        ("http://[0:0:0:0:0:0:0:1]:9000/", [("::1", 9000)]),
        ("http://10.1.2.3:22/", [("10.1.2.3", 22)]),
    ],
)
def test_allowed_places_may_be_private(net, settings, url, connects):
    settings.HEADRACE_OUTBOUND_ALLOW = ALLOWED
    net.names |= {"erp.internal": ["10.9.9.9"], "sandbox": ["172.18.0.2"]}
    attempt(url)
    assert net.connects == connects


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.internal/", "http://erp.internal:8070/", "http://x.erp.internal:8069/", "http://erp.internal.example:8069/",
        "http://10.9.9.9:8069/", "http://sandbox:8011/", "http://127.0.0.1:6380/", "http://127.0.0.2:6379/",
        "http://2130706433:6379/", "http://[::ffff:127.0.0.1]:6379/", "http://localhost:6379/", "http://[::1]:9001/",
        "http://user@sandbox:8010/",
    ],
)  # fmt: skip
def test_what_is_next_to_an_allowed_place_is_not_allowed(net, settings, url):
    settings.HEADRACE_OUTBOUND_ALLOW = ALLOWED
    net.names |= {name: ["10.9.9.9"] for name in ("erp.internal", "sandbox", "x.erp.internal", "erp.internal.example")}
    refusal_of(url)
    assert net.connects == []


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "169.254.1.1", "0.0.0.0",
     "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "224.0.0.1", "fe80::1", "::"],
)  # fmt: skip
def test_no_allowed_name_leads_to_metadata_or_to_what_is_no_host(net, settings, address):
    settings.HEADRACE_OUTBOUND_ALLOW = ALLOWED
    net.names["erp.internal"] = ["10.9.9.9", address]
    refusal_of("http://erp.internal:8069/latest/meta-data/")
    assert net.connects == []


def test_a_good_list_passes_the_system_check(settings):
    settings.HEADRACE_OUTBOUND_ALLOW = ALLOWED
    assert check_outbound_allow(None) == []
    assert allowed_places() == {
        ("erp.internal", 8069),
        ("sandbox", 8010),
        ("127.0.0.1", 6379),
        ("::1", 9000),
        ("10.1.2.3", 22),
    }


@pytest.mark.parametrize(
    "entry",
    ["", "erp.internal", "*:80", "*.internal:80", "erp.internal:*", "erp.internal:0", "erp.internal:99999", "http://erp:80",
     "10.0.0.0/8:80", "a@b:80", "127.1:80", "::1:80", "[::1]", "erp .internal:80", "169.254.169.254:80",
     "[fd00:ec2::254]:80"],
)  # fmt: skip
def test_a_bad_entry_fails_the_system_check_and_stops_a_session(settings, entry):
    settings.HEADRACE_OUTBOUND_ALLOW = ["erp.internal:8069", entry]
    problems = check_outbound_allow(None)
    assert [(problem.id, repr(entry) in problem.msg) for problem in problems] == [("headrace.E001", True)]
    with pytest.raises(ImproperlyConfigured):
        Session()
