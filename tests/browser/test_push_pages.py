"""Writing a record by hand as a person does it, with scripts, without them, by keyboard and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from playwright.sync_api import Page, expect

from pushops.actions.pushing import push_now
from pushops.models import PushAttempt, PushOperation
from syncengine.models import Connection
from tests.browser.looks import faults_of
from tests.factories import make_company, make_record
from tests.pushops.pushes import ACCOUNT, LONG_ACCOUNT, ask, writes
from tests.syncengine.lab import Lab

type Visit = Callable[..., Page]
SOON = timedelta(seconds=5)


@pytest.fixture
def connection(portal: Lab, alive: None) -> Connection:
    connection = portal.connection(make_company("Harbour Bakery"))
    make_record(connection, "cus_1", "customers", content={"id": "cus_1", "customerName": "Quay Books"})
    return connection


def operations(connection: Connection) -> dict[str, PushOperation]:
    """One of each kind that a page shows in its own way."""
    done = push_now(ask(connection, ACCOUNT, data_type="chartOfAccounts"), within=SOON)
    refused = push_now(ask(connection, {**LONG_ACCOUNT, "colour": "red"}, data_type="chartOfAccounts"), within=SOON)
    lines = [{"quantity": "x", "unitAmount": 3, "description": "W" * 200}]
    body = {"customerRef": {"id": "cus_1"}, "lineItems": lines, "projectRef": {"id": "9"}}
    deep = ask(connection, body, data_type="invoices")
    unknown = ask(connection)
    PushOperation.objects.filter(pk=unknown.pk).update(
        phase="Sent", needs_attention="OutcomeUnknown", sent_at=now(), wait_reason="No answer came."
    )
    PushAttempt.objects.create(operation=unknown, number=1, started_at=now(), outcome="Unknown", upstream="W" * 500)
    return {"done": done, "refused": refused, "deep": deep, "unknown": unknown, "pending": ask(connection)}


def addresses(connection: Connection) -> list[str]:
    rows = operations(connection)
    company, own = f"/companies/{connection.company_id}/push", f"/connections/{connection.pk}/push"
    return [
        "/push/",
        "/push/?tab=attention",
        "/push/?q=zzz",
        f"{company}/",
        f"{company}/new/",
        *(f"/push/{row.pk}/" for row in rows.values()),
        f"/push/{rows['deep'].pk}/edit/",
        f"/push/{rows['deep'].pk}/edit/?as=json",
        f"/push/{rows['refused'].pk}/retry-all/",
        f"/push/{rows['unknown'].pk}/settle/",
        f"{own}/invoices/new/",
        f"{own}/customers/update/?record=cus_1",
        f"{own}/customers/delete/?record=cus_1",
        f"{own}/invoices/upload/?record=inv_1",
        f"/connections/{connection.pk}/data/customers/?record=cus_1",
    ]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (360, "light")])
def test_push_pages_fit_and_nothing_complains(visit: Visit, connection: Connection, width: int, scheme: str) -> None:
    places = addresses(connection)
    page = visit(width=width, color_scheme=scheme)
    wrong = {}
    for address in places:
        answer = page.goto(address, wait_until="domcontentloaded")
        assert answer is not None
        assert answer.status == 200, address
        page.wait_for_load_state()
        wrong[address] = faults_of(page)
    assert {address: faults for address, faults in wrong.items() if faults} == {}


def write_invoice(page: Page, connection: Connection) -> None:
    page.goto(f"/companies/{connection.company_id}/push/")
    page.get_by_role("link", name="Write a record").first.click()
    page.get_by_role("link", name="Create in Invoices").click()
    page.get_by_label("Customer ref").fill("cus_1")
    page.get_by_label("Issue date").fill("2026-03-31")
    first = page.get_by_role("group", name="Line items 1")
    first.get_by_label("Quantity").fill("2")
    first.get_by_label("Unit amount").fill("12.50")


def test_an_invoice_is_written_with_rows_that_come_without_a_reload(
    visit: Visit, portal: Lab, connection: Connection
) -> None:
    page = visit()
    write_invoice(page, connection)
    page.evaluate("window.stayed = true")
    add = page.get_by_role("button", name="Add another to Line items")
    add.focus()
    page.keyboard.press("Enter")
    second = page.get_by_role("group", name="Line items 2")
    expect(second).to_be_visible()
    expect(add).to_be_focused()
    second.get_by_label("Quantity").fill("9")
    page.get_by_role("button", name="Remove Line items 2").click()
    expect(second).to_have_count(0)
    expect(page.get_by_label("Customer ref")).to_have_value("cus_1")
    assert page.evaluate("window.stayed") is True

    page.get_by_role("button", name="Preview").click()
    expect(page.locator("pre")).to_contain_text('"quantity": 2')
    assert PushOperation.objects.count() == 0
    page.get_by_role("button", name="Send to Sandbox").click()
    expect(page.locator(".page-head .status-badge")).to_have_text("Pending")
    page.evaluate("window.stayed = true")
    push_now(PushOperation.objects.get(), within=SOON)
    expect(page.locator(".page-head .status-badge")).to_have_text("Failed")
    expect(page.locator("#announcer")).to_have_text("Create Invoices: Failed.")
    assert page.evaluate("window.stayed") is True
    assert writes(portal) == []  # the sandbox has no customer of this id

    page.get_by_role("link", name="Edit and retry").click()
    expect(page.locator(".field:has([name='body.customerRef.id']) .field-error")).not_to_be_empty()


def test_an_invoice_is_written_without_javascript(visit: Visit, portal: Lab, connection: Connection) -> None:
    page = visit(java_script_enabled=False)
    write_invoice(page, connection)
    page.get_by_role("button", name="Add another to Line items").click()
    page.get_by_role("button", name="Remove Line items 2").click()
    expect(page.get_by_role("group", name="Line items 2")).to_have_count(0)
    page.get_by_label("Issue date").fill("")
    page.get_by_label("Issue date").press("Enter")
    expect(page.locator(".field:has([name='body.issueDate']) .field-error")).to_have_text("This is needed.")
    page.get_by_label("Issue date").fill("2026-03-31")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Go on editing").click()
    expect(page.get_by_label("Customer ref")).to_have_value("cus_1")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Send to Sandbox").click()
    expect(page.locator(".page-head .status-badge")).to_have_text("Pending")
    page.locator("#push-actions summary").click()
    page.get_by_role("link", name="Discard").click()
    page.get_by_label("Why").fill("A try")
    page.get_by_role("button", name="Discard").click()
    expect(page.locator(".page-head .status-badge")).to_have_text("Discarded")
    assert writes(portal) == []


def test_an_unknown_outcome_is_settled_in_the_dialog(visit: Visit, connection: Connection) -> None:
    unknown: Any = operations(connection)["unknown"]
    page = visit(width=390)
    page.goto(f"/push/{unknown.pk}/")
    page.get_by_role("link", name="Say what happened").click()
    dialog = page.locator("dialog")
    dialog.get_by_label("What the platform shows").select_option("Success")
    dialog.get_by_label("Id of the record").fill("cus_77")
    dialog.get_by_role("button", name="Settle").click()
    expect(page.locator(".messages")).to_contain_text("Noted.")
    expect(page.locator(".page-head .status-badge")).to_have_text("Success")
