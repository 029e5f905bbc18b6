"""What every page has: navigation, headers, times, components, errors."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings as project
from django.http import HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory

from portal.formats import TONES, duration, exact, relative, stages_of
from portal.htmx import render_page, wants_fragment
from portal.models import Role
from portal.models.webhook import MessageState
from portal.registers import navigation
from portal.tables import page_of
from syncengine.models import Company, WorkerHeartbeat
from syncengine.states import ConnectionStatus, DatasetStatus
from tests.factories import make_company, make_connection, make_dataset, make_user
from tests.portal.pages import page

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
TEMPLATES = Path(project.BASE_DIR) / "templates"


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=42), "42 s ago"),
        (timedelta(minutes=4, seconds=59), "4 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=6), "6 d ago"),
        (timedelta(days=40), "13 Oct 2026 UTC"),
        (timedelta(hours=-3), "in 3 h (19:00 UTC)"),
        (timedelta(days=-3), "in 3 d (16:00 UTC)"),
    ],
)
def test_relative_times(gap: timedelta, words: str) -> None:
    assert relative(NOW - gap, NOW, UTC) == words


def test_exact_times_name_their_zone() -> None:
    assert exact(NOW, UTC) == "22 Nov 2026, 16:00:00 UTC"
    assert exact(NOW, ZoneInfo("Europe/Berlin")) == "22 Nov 2026, 17:00:00 CET"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.34, "340 ms"), (12.44, "12.4 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_every_status_has_a_look_and_each_look_a_symbol() -> None:
    of_webhooks = {*MessageState.values, "Enabled", "Failing", "Paused", "Disabled"}
    of_monitoring = {"Open", "Acknowledged", "Resolved", "Recovered", "OK", "Firing", "Snoozed"}
    assert set(TONES) == set(DatasetStatus.values) | set(ConnectionStatus.values) | of_webhooks | of_monitoring
    symbols = set(re.findall(r'<symbol id="(\w+)"', (project.BASE_DIR / "static/img/icons.svg").read_text()))
    assert set(TONES.values()) <= symbols


@pytest.mark.parametrize(
    ("status", "states"),
    [
        ("Queued", ["", "", "", "", ""]),
        ("Fetching", ["now", "", "", "", ""]),
        ("Validating", ["done", "done", "now", "", ""]),
        ("MapError", ["done", "failed", "", "", ""]),
        ("AuthError", ["failed", "", "", "", ""]),
        ("Complete", ["done", "done", "done", "done", "done"]),
        ("Cancelled", ["", "", "", "", ""]),
    ],
)
def test_stage_bar(status: str, states: list[str]) -> None:
    assert [state for _, state in stages_of(status)] == states


def render(source: str, **context: object) -> str:
    return Template("{% load portal %}" + source).render(Context(context))


def test_status_badge_says_the_word_beside_the_shape() -> None:
    badge = page(render('{% status_badge "AuthError" %}')).one("span")
    assert (badge["data-tone"], badge["data-status"], badge.text) == ("customer", "AuthError", "AuthError")
    assert badge.one("use")["href"].endswith("icons.svg#customer")


def test_components_escape_what_platforms_say() -> None:
    nasty = '"><script>alert(1)</script>'
    for source in (
        "{% status_badge text %}",
        "{% status_badge 'Complete' text %}",
        "{% copy text %}",
        "{% breadcrumb text %}",
    ):
        assert page(render(source, text=nasty)).all("script") == []


@time_machine.travel(NOW, tick=False)
def test_time_tag_follows_the_persons_zone(db: None) -> None:
    request = RequestFactory().get("/")
    request.user = make_user(time_zone="Europe/Berlin")
    element = page(render("{% time at %}", at=NOW - timedelta(minutes=4), request=request)).one("time")
    assert (element["datetime"], element["title"], element.text) == (
        "2026-11-22T15:56:00Z",
        "22 Nov 2026, 16:56:00 CET",
        "4 min ago",
    )
    assert page(render("{% time at %}", at=None, request=request)).text == "—"


@pytest.mark.parametrize(
    ("headers", "fragment"),
    [
        ({}, False),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "true", "HX-Boosted": "true"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, False),
    ],
)
def test_fragments_are_for_swaps_alone(ana: Client, headers: dict[str, str], fragment: bool) -> None:
    make_company("Acme")
    response = ana.get("/companies/", headers=headers)
    assert (b"<html" not in response.content) is fragment
    assert "HX-Request" in response["Vary"]
    assert wants_fragment(response.wsgi_request) is fragment


def test_render_page_keeps_the_status(ana: Client) -> None:
    request = ana.get("/companies/").wsgi_request
    response: HttpResponse = render_page(request, "portal/companies/form.html", {}, status=422)
    assert response.status_code == 422


def test_navigation_of_each_role(db: None) -> None:
    of_onboarding = ["Overview", "Companies"]
    of_advisor = [*of_onboarding, "Data history", "Push", "Incidents"]
    of_analyst = [*of_onboarding, "Data history", "Custom data", "Custom fields", "Push", "Incidents"]
    of_analyst += ["Alerting", "Webhooks"]
    everything = [*of_onboarding, "Data history", "Data types", "Custom data", "Custom fields", "Push", "Integrations"]
    everything += ["Incidents", "Alerting", "Webhooks", "API keys", "Organisation"]
    assert {role: [entry.label for entry in navigation(make_user(f"{role}@x.com", role=role))] for role in Role} == {
        Role.ONBOARDING: of_onboarding,
        Role.ADVISOR: of_advisor,
        Role.ANALYST: of_analyst,
        Role.DEVELOPER: everything,
        Role.ADMINISTRATOR: everything,
    }


def test_the_shell_of_a_page(ana: Client) -> None:
    response = ana.get("/companies/?q=x")
    found = page(response)
    assert found.one("html")["lang"] == "en-GB"
    assert found.one("a", class_="skip-link")["href"] == "#main"
    assert found.one("main")["id"] == "main"
    links = found.one("nav", class_="nav").all("a", class_="nav-link")
    assert [(a.text, a["href"], a.attributes.get("aria-current")) for a in links] == [
        ("Overview", "/", None),
        ("Companies", "/companies/", "page"),
        ("Data history", "/data/history/", None),
        ("Data types", "/settings/data-types/", None),
        ("Custom data", "/custom-data/", None),
        ("Custom fields", "/custom-fields/", None),
        ("Push", "/push/", None),
        ("Integrations", "/integrations/", None),
        ("Incidents", "/incidents/", None),
        ("Alerting", "/alerting/", None),
        ("Webhooks", "/monitor/webhooks/", None),
        ("API keys", "/developers/api-keys/", None),
        ("Organisation", "/settings/organisation/", None),
    ]
    search = found.one("form", role="search")
    assert (search["action"], search["method"]) == ("/companies/", "get")
    assert found.one("span", class_="environment").text == "development"
    assert found.one("form", action="/sign-out/")["method"] == "post"
    assert "no-store" in response["Cache-Control"]
    assert "script-src 'self'" in response["Content-Security-Policy"]


def test_htmx_is_configured_for_the_strict_policy(ana: Client) -> None:
    import json

    config = json.loads(page(ana.get("/")).one("meta", name="htmx-config")["content"])
    assert config == {
        "allowEval": False,
        "allowScriptTags": False,
        "selfRequestsOnly": True,
        "historyCacheSize": 0,
        "includeIndicatorStyles": False,
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "409|422", "swap": True},
            {"code": "[23]..", "swap": True},
            {"code": "[45]..", "swap": False, "error": True},
        ],
    }


INLINE = re.compile(
    r"<style|\sstyle=|\son[a-z]+=|hx-on|\|safe|autoescape off|<script(?![^>]*\ssrc=)|javascript:|every \w+ \["
)


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_hold_nothing_inline(path: Path) -> None:
    assert INLINE.findall(path.read_text()) == []


def test_raw_colours_stand_in_tokens_alone() -> None:
    raw = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgb\(|\bhsl\(|\boklch\(")
    styles = (project.BASE_DIR / "static/css").rglob("*.css")
    assert [str(path) for path in styles if path.name != "tokens.css" and raw.search(path.read_text())] == []


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        *[
            (ink, ground, 4.5)
            for ink in ("ink", "ink-soft", "ink-faint", "accent")
            for ground in ("surface", "paper", "sunken", "hover")
        ],
        *[(f"{tone}-ink", f"{tone}-soft", 4.5) for tone in ("good", "working", "warn", "danger", "quiet")],
        *[("danger-ink", "surface", 4.5), ("on-accent", "accent", 4.5), ("on-accent", "accent-hover", 4.5)],
        *[("on-danger", "danger-strong", 4.5), ("on-danger", "danger-hover", 4.5), ("accent", "accent-soft", 4.5)],
        *[("line-control", "surface", 3.0), ("focus", "surface", 3.0), ("focus", "paper", 3.0)],
    ],
)
def test_contrast(scheme: str, ink: str, ground: str, least: float) -> None:
    text = (project.BASE_DIR / "static/css/tokens.css").read_text()
    light, dark = text.split("prefers-color-scheme: dark")
    values = dict(re.findall(r"--([\w-]+): (#\w{6});", light if scheme == "light" else dark))
    bright, dim = sorted((luminance(values[ink]), luminance(values[ground])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= least


@pytest.mark.parametrize(
    ("number", "shown", "previous", "following"),
    [
        ("", [0, 1], None, 2),
        ("2", [2, 3], 1, 3),
        ("3", [4], 2, None),
        ("99", [4], 2, None),
        ("-1", [0, 1], None, 2),
        ("x", [0, 1], None, 2),
    ],
)
def test_paging(db: None, number: str, shown: list[int], previous: int | None, following: int | None) -> None:
    companies = [make_company(f"C{place}") for place in range(5)]
    found = page_of(RequestFactory().get("/", {"page": number}), Company.objects.order_by("name"), size=2)
    assert list(found) == [companies[place] for place in shown]
    assert (found.previous, found.next, found.total_text) == (previous, following, "5")


def test_error_pages(client: Client, ana: Client, settings: object) -> None:
    settings.DEBUG = False
    response = ana.get("/nothing/")
    assert (response.status_code, page(response).one("h1").text) == (404, "There is nothing here")
    assert ana.get("/companies/", headers={"Host": "evil.example"}).status_code == 400
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/sign-in/", {})
    assert (response.status_code, page(response).one("h1").text) == (403, "This form is too old")


def test_a_crash_shows_the_calm_page(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(user: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("portal.views.overview.tiles", crash)
    ana.raise_request_exception = False
    response = ana.get("/")
    assert (response.status_code, page(response).one("h1").text) == (500, "Something broke on our side")
    assert b"boom" not in response.content


# --- overview ---


def attention(found) -> list[str]:
    return [item.one("strong").text for lists in found.all("ul", class_="attention") for item in lists.all("li")]


def test_overview_of_an_empty_portal_shows_the_first_steps(ana: Client) -> None:
    found = page(ana.get("/"))
    steps = found.one("ol", class_="checklist").all("li")
    assert ["data-done" in step.attributes for step in steps] == [False, False, False, False]
    assert attention(found) == []


def test_overview_lists_what_needs_attention(ana: Client) -> None:
    at = datetime.now(UTC)
    lost = make_connection(make_company("Lost"), status="Deauthorized", status_reason="The key was revoked.")
    broken = make_connection(make_company("Broken"), last_used_at=at)
    make_dataset(broken, "invoices", DatasetStatus.MAP_ERROR, error_message="No rule fits.", error_responsible="us")
    make_dataset(broken, "bills", DatasetStatus.COMPLETE)
    make_connection(make_company("Resting"), last_used_at=at - timedelta(days=30))
    broken.data_statuses.update(next_sync_at=at + timedelta(days=1))
    found = page(ana.get("/"))
    assert attention(found)[:2] == [
        "Lost: Sandbox no longer lets us in",
        "Broken: MapError in Invoices",
    ]
    lapsing = (at + timedelta(days=30)).strftime("%-d %b %Y")
    assert attention(found)[2:] == [f"Resting: the authorisation at Sandbox lapses on {lapsing} UTC"]
    assert found.one("a", href=f"/companies/{lost.company_id}/").text == "Reconnect"


def test_overview_tiles(ana: Client) -> None:
    linked = make_connection(make_company())
    make_connection(make_company(), status="PendingAuth")
    make_dataset(linked, "bills", DatasetStatus.COMPLETE)
    make_dataset(linked, "items", DatasetStatus.FETCH_ERROR)
    linked.data_statuses.filter(data_type="bills").update(next_sync_at=datetime.now(UTC) - timedelta(hours=1))
    linked.data_statuses.filter(data_type="items").update(next_sync_at=datetime.now(UTC) + timedelta(hours=1))
    tiles = page(ana.get("/")).one("div", class_="tiles").all(class_="tile")
    assert [tile.text for tile in tiles] == [
        "Linked connections 1 of 2 1 PendingAuth",
        "Reads in the last 24 h 2 1 complete, 1 failed, 0 other",
        "On time 50 % 1 of 2 scheduled types are late",
    ]


def test_overview_answers_a_poll_only_when_something_changed(ana: Client) -> None:
    swap = {"HX-Request": "true"}
    url = page(ana.get("/")).one("div", id="overview-live")["hx-get"]
    assert ana.get(f"/{url}" if url.startswith("?") else url, headers=swap).status_code == 204
    make_connection(make_company("Lost"), status="Deauthorized")
    assert attention(page(ana.get(url, headers=swap))) == ["Lost: Sandbox no longer lets us in"]


@pytest.mark.parametrize(("age", "silent"), [(None, True), (30, False), (61, True)])
def test_overview_warns_when_no_worker_shows_itself(ana: Client, age: int | None, silent: bool) -> None:
    if age is not None:
        seen = datetime.now(UTC) - timedelta(seconds=age)
        WorkerHeartbeat.objects.create(name="host:1", host="host", pid=1, started_at=seen, seen_at=seen)
    alerts = page(ana.get("/")).all("div", role="alert")
    assert [alert.one("strong").text for alert in alerts] == (["No worker is running."] if silent else [])


@pytest.mark.parametrize("count", [1, 3])
def test_overview_queries(ana: Client, count: int, django_assert_num_queries: object) -> None:
    for place in range(count):
        make_connection(make_company(f"L{place}"), status="Deauthorized")
        connection = make_connection(make_company(f"C{place}"))
        make_dataset(connection, "invoices", DatasetStatus.MAP_ERROR)
    with django_assert_num_queries(14):
        ana.get("/")
