"""The profile and the allowed origins: what is accepted, what is refused, what is told."""

from __future__ import annotations

from typing import Any

import pytest

from portal.actions.deployment_settings import auth_header_of, checked_origin, save_allowed_origins, save_profile
from portal.models import DeploymentSettings
from syncengine.actions.keys import reseal_all
from syncengine.exceptions import Refused
from syncengine.models import Event
from syncengine.secrets import is_under_newest_key

pytestmark = pytest.mark.django_db


def save(**fields: Any) -> DeploymentSettings:
    return save_profile(**{"name": "Bob's Burgers", "redirect_url": "", "actor": "ana", **fields})


def refused(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as refusal:
        call(*args, **kwargs)
    return refusal.value.field


def test_there_is_one_row_and_it_keeps_its_id() -> None:
    first = DeploymentSettings.load()
    assert (DeploymentSettings.load().client_id, DeploymentSettings.objects.count()) == (first.client_id, 1)
    assert (first.name, first.redirect_url, first.allowed_origins) == ("Headrace", "", [])


def test_reading_takes_one_query(django_assert_num_queries: Any) -> None:
    DeploymentSettings.load()
    with django_assert_num_queries(1):
        DeploymentSettings.load()


def test_the_contracts_own_example_is_accepted() -> None:
    save(
        name="  Bob's   Burgers ",
        logo_url="https://client-images.example/logo.png",
        icon_url="https://client-images.example/icon.ico",
        redirect_url="https://bobs-burgers.{countrySuffix}/{companyId}",
        white_list_urls=["https://bobs-burgers.com", "", "https://bobs-burgers.co.uk", "https://bobs-burgers.com"],
        confirm_company_name=True,
        alert_auth_header="Bearer abc",
    )
    row = DeploymentSettings.load()
    assert (row.name, row.logo_url, row.icon_url, row.redirect_url, row.white_list_urls, row.confirm_company_name) == (
        "Bob's Burgers",
        "https://client-images.example/logo.png",
        "https://client-images.example/icon.ico",
        "https://bobs-burgers.{countrySuffix}/{companyId}",
        ["https://bobs-burgers.com", "https://bobs-burgers.co.uk"],
        True,
    )
    assert (auth_header_of(row), b"abc" in bytes(row.alert_auth_header)) == ("Bearer abc", False)


def test_what_changed_is_told_without_the_secret() -> None:
    save(alert_auth_header="Bearer abc")
    save(alert_auth_header="Bearer abc")  # nothing changed, nothing told
    save(redirect_url="https://x.example/")
    assert [event.data for event in Event.objects.order_by("at")] == [
        {
            "fields": ["name", "alert_auth_header"],
            "before": {"name": "Headrace"},
            "after": {"name": "Bob's Burgers"},
        },
        {
            "fields": ["redirect_url"],
            "before": {"redirect_url": ""},
            "after": {"redirect_url": "https://x.example/"},
        },
    ]


def test_the_header_stays_unless_it_is_given_and_can_be_forgotten() -> None:
    save(alert_auth_header="Bearer abc")
    assert auth_header_of(save()) == "Bearer abc"
    assert bytes(save(alert_auth_header="").alert_auth_header) == b""


def test_the_header_is_sealed_anew_when_the_key_is_rotated(settings: Any) -> None:
    save(alert_auth_header="Bearer abc")
    settings.HEADRACE_ENCRYPTION_KEYS = ["A" * 43 + "=", *settings.HEADRACE_ENCRYPTION_KEYS]
    assert reseal_all() == 1
    row = DeploymentSettings.load()
    assert (auth_header_of(row), is_under_newest_key(row.alert_auth_header)) == ("Bearer abc", True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " \t "),
        ("name", "a\0"),
        ("name", "x" * 201),
        ("logo_url", "javascript:alert(1)"),
        ("logo_url", "//x.example/logo.png"),
        ("logo_url", "https://user:secret@x.example/"),
        ("icon_url", "ftp://x.example/icon.ico"),
        ("icon_url", "https://x.example/" + "x" * 2048),
        ("redirect_url", "x.example/{companyId}"),
        ("redirect_url", "javascript:alert({companyId})"),
        ("redirect_url", "{scheme}://x.example/"),
        ("redirect_url", "https://"),
        ("redirect_url", "https://x.example/{companyId"),
        ("redirect_url", "https://x.example/companyId}"),
        ("redirect_url", "https://x.example/{company id}"),
        ("redirect_url", "https://x.example/{company/id}"),
        ("redirect_url", "https://x.example/{}"),
        ("redirect_url", "https://x.example/{{companyId}}"),
        ("redirect_url", "https://x.example/{companyid}"),
        ("redirect_url", "https://x.example/\\{companyId}"),
        ("redirect_url", "https://me@x.example/"),
        ("redirect_url", "https://{host}/"),
        ("redirect_url", "https://x.example:{port}/"),
        ("redirect_url", "https://x.example:99999/"),
        ("redirect_url", "https://x.example/\r\nSet-Cookie: a=b"),
        ("white_list_urls", ["x.example"]),
        ("white_list_urls", ["*"]),
        ("white_list_urls", [f"https://x{number}.example" for number in range(51)]),
        ("alert_auth_header", "Bearer abc\r\nX: y"),
        ("alert_auth_header", "Bearer é"),
        ("alert_auth_header", "x" * 1001),
    ],
)
def test_bad_input_is_refused_by_field_and_changes_nothing(field: str, value: Any) -> None:
    before = DeploymentSettings.objects.filter(pk=DeploymentSettings.load().pk).values().get()
    assert refused(save, **{field: value}) == field
    assert DeploymentSettings.objects.values().get() == before
    assert Event.objects.count() == 0


# --- origins ---


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://www.bank-of-dave.com", "https://www.bank-of-dave.com"),
        (" https://WWW.Example.com/ ", "https://www.example.com"),
        ("https://x.example:443", "https://x.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://x.example:80", "http://x.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://Bücher.example:8443", "https://xn--bcher-kva.example:8443"),
    ],
)
def test_origins_are_written_as_browsers_send_them(text: str, origin: str) -> None:
    assert checked_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "",
        "x.example",
        "https://",
        "https://x.example/path",
        "https://x.example?q",
        "https://x.example#f",
        "https://me@x.example",
        "ftp://x.example",
        "https://*.example",
        "https://x.example:port",
        "https://x y.example",
        "https://x.example\\@evil.example",
        "https://x..example",
        "file:///etc/passwd",
        "javascript://x.example",
        "ht\0tps://x",
    ],
)
def test_what_is_no_origin_is_refused_and_changes_nothing(text: str) -> None:
    save_allowed_origins(["https://x.example"], actor="ana")
    assert refused(save_allowed_origins, ["https://y.example", text], actor="ana") == "allowed_origins"
    assert DeploymentSettings.load().allowed_origins == ["https://x.example"]


def test_origins_are_replaced_each_once_and_told() -> None:
    save_allowed_origins(["https://x.example", "https://X.example/"], actor="ana")
    save_allowed_origins(["https://x.example"], actor="ana")
    save_allowed_origins([], actor="ana")
    assert [(event.kind, event.actor, event.data) for event in Event.objects.order_by("at")] == [
        ("cors.changed", "ana", {"before": [], "after": ["https://x.example"]}),
        ("cors.changed", "ana", {"before": ["https://x.example"], "after": []}),
    ]
    assert refused(save_allowed_origins, [f"https://x{n}.example" for n in range(51)], actor="a") == "allowed_origins"
