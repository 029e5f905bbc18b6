"""The main job as a person does it: sign in, create a company, connect the sandbox, watch the rows turn Complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from syncengine.models import Company, Connection
from tests.browser.conftest import Complaints
from tests.factories import make_company, make_connection, make_dataset
from tests.syncengine.lab import Lab

type Visit = Callable[..., Page]


def create_company(page: Page, name: str) -> None:
    page.click("nav.nav >> text=Companies")
    page.click("text=New company")
    page.fill("[name=name]", name)
    page.click("text=Create company")
    expect(page.locator("h1")).to_have_text(name)


def connect_sandbox(page: Page) -> None:
    page.locator(".page-head-actions >> text=Connect a platform").click()
    page.get_by_role("button", name="Connect Sandbox").click()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/companies/*/")
    expect(page.locator(".messages")).to_contain_text("Sandbox is linked. The first reads have started.")


def badge(page: Page, data_type: str) -> Any:
    return page.locator(f'tr[data-type="{data_type}"] .status-badge')


def test_linking_and_watching_the_first_reads(visit: Visit, portal: Lab, run_queue: Any) -> None:
    page = visit()
    create_company(page, "Harbour Bakery")
    connect_sandbox(page)
    expect(badge(page, "invoices")).to_have_text("Queued")
    page.evaluate("window.stayed = true")

    run_queue()

    for data_type in ("invoices", "customers", "chartOfAccounts", "taxRates"):
        expect(badge(page, data_type)).to_have_text("Complete")
    expect(page.locator("#company-grid[hx-get]")).to_have_count(0)
    expect(page.locator("#announcer")).to_have_text("No read is running.")
    assert page.evaluate("window.stayed") is True
    assert Connection.objects.get().datasets.exclude(status="Complete").count() == 0


def test_refreshing_one_type_keeps_the_page_and_the_focus(visit: Visit, portal: Lab, run_queue: Any) -> None:
    connection = portal.connection(make_company("Acme"))
    page = visit()
    page.goto(f"/companies/{connection.company_id}/")
    page.evaluate("window.stayed = true")
    button = page.get_by_role("button", name="Refresh Invoices")
    button.focus()
    page.keyboard.press("Enter")
    expect(badge(page, "invoices")).to_have_text("Queued")
    expect(page.get_by_role("button", name="Cancel Invoices")).to_be_focused()
    run_queue()
    expect(badge(page, "invoices")).to_have_text("Complete")
    assert page.evaluate("window.stayed") is True


def test_denying_at_the_platform_brings_back_its_words_and_another_try(visit: Visit, portal: Lab) -> None:
    company = make_company("Acme")
    page = visit()
    page.goto(f"/companies/{company.pk}/connect/")
    page.get_by_role("button", name="Connect Sandbox").click()
    page.get_by_role("button", name="Deny").click()
    page.wait_for_url("**/companies/*/")
    expect(page.locator("article .notice")).to_contain_text("access_denied")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_without_javascript(visit: Visit, portal: Lab, run_queue: Any) -> None:
    page = visit(java_script_enabled=False)
    create_company(page, "Plain Goods")
    connect_sandbox(page)
    run_queue()
    page.reload()
    expect(badge(page, "invoices")).to_have_text("Complete")
    page.get_by_role("button", name="Refresh Invoices").click()
    expect(page.locator(".messages")).to_have_text("Queued.")
    page.get_by_role("button", name="Cancel Invoices").click()
    expect(badge(page, "invoices")).to_have_text("Cancelled")

    page.locator(".page-head summary").click()
    page.get_by_role("link", name="Rename").click()
    page.fill("[name=name]", "Plainer Goods")
    page.click("text=Save name")
    expect(page.locator("h1")).to_have_text("Plainer Goods")

    page.fill("#topbar-q", "plainer")
    page.keyboard.press("Enter")
    expect(page.locator("tbody th")).to_have_text(["Plainer Goods"])
    page.click("tbody th a")
    page.locator(".page-head summary").click()
    page.get_by_role("link", name="Delete company").click()
    page.fill("[name=typed]", "Plainer Goods")
    page.get_by_role("button", name="Delete company").click()
    expect(page.locator(".messages")).to_have_text("Plainer Goods is deleted.")

    page.locator('summary[aria-label="Your account"]').click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")


def test_dialog_renames_deletes_and_closes(visit: Visit, portal: Lab) -> None:
    company = make_company("Acme")
    page = visit()
    page.goto(f"/companies/{company.pk}/")
    more = page.locator(".page-head summary")

    more.click()
    page.get_by_role("link", name="Rename").click()
    expect(page.locator("dialog [name=name]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()

    more.click()
    page.get_by_role("link", name="Delete company").click()
    page.fill("dialog [name=typed]", "wrong")
    page.locator("dialog").get_by_role("button", name="Delete company").click()
    expect(page.locator("dialog .field-error")).to_have_text("This is not the name. Type it exactly as shown.")
    page.fill("dialog [name=typed]", "Acme")
    page.locator("dialog").get_by_role("button", name="Delete company").click()
    page.wait_for_url("**/companies/")
    assert Company.objects.get().deleted_at is not None


def test_searching_while_typing_puts_the_search_into_the_address(visit: Visit, portal: Lab) -> None:
    for name in ("Acme", "Bolt"):
        make_company(name)
    page = visit()
    page.goto("/companies/")
    page.locator("#company-q").press_sequentially("bol")
    expect(page.locator("tbody th")).to_have_text(["Bolt"])
    expect(page.locator("#company-q")).to_be_focused()
    assert page.url.endswith("/companies/?q=bol&state=")
    page.click("tbody th a")
    expect(page.locator("h1")).to_have_text("Bolt")
    page.go_back()
    expect(page.locator("tbody th")).to_have_text(["Bolt"])


def test_a_lost_session_leads_to_sign_in_and_back(visit: Visit, portal: Lab, complaints: Complaints) -> None:
    connection = portal.connection(make_company("Acme"))
    page = visit()
    page.goto(f"/companies/{connection.company_id}/")
    page.context.clear_cookies(name="headrace")
    page.get_by_role("button", name="Refresh Invoices").click()
    page.wait_for_url(f"**/sign-in/?next=%2Fcompanies%2F{connection.company_id}%2F")
    # The browser itself notes the 401 in its console.
    complaints.found = [found for found in complaints.found if "401" not in found]


@pytest.mark.parametrize(("hidden", "polls"), [(False, True), (True, False)])
def test_a_hidden_page_does_not_poll(visit: Visit, portal: Lab, hidden: bool, polls: bool) -> None:
    dataset = make_dataset(make_connection(make_company("Acme")), "invoices", "Fetching")
    page = visit()
    page.add_init_script(f"Object.defineProperty(document, 'hidden', {{get: () => {str(hidden).lower()}}})")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/companies/{dataset.company_id}/")
    page.wait_for_timeout(4000)
    assert any("?v=" in url for url in asked) is polls


def test_customer_reconnects_by_link_without_an_account(visit: Visit, portal: Lab, run_queue: Any) -> None:
    connection = make_connection(make_company("Acme"), integration=portal.integration(), status="Deauthorized")
    link = visit()
    link.goto(f"/companies/{connection.company_id}/")
    address = link.input_value(".copy input")
    customer = visit(signed_in=False, width=390)
    customer.goto(address)
    customer.get_by_role("button", name="Reconnect").click()
    customer.get_by_role("button", name="Allow").click()
    expect(customer.locator(".status-badge")).to_have_text("Linked")
    connection.refresh_from_db()
    assert connection.status == "Linked"
