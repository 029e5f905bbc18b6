"""Custom data and custom fields as a person makes them: rows and trial without a page load, picking from a record."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from customdata.actions.custom_data_types import put_custom_data_type
from customdata.actions.custom_fields import create_custom_field
from customdata.actions.field_mappings import create_mapping, update_mapping
from customdata.coverage import measure_coverage
from customdata.models import CustomDataType, CustomField, FieldMapping
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Connection
from tests.browser.looks import faults_of
from tests.customdata.conftest import MY_EXPENSE_DATA
from tests.factories import make_company, make_connection
from tests.syncengine.lab import Lab

type Visit = Callable[..., Page]


@pytest.fixture
def linked(portal: Lab, alive: None) -> Connection:
    portal.sizes(customers=60, expenses=30)
    return portal.connection(make_company("Harbour Bakery"))


@pytest.fixture
def field(linked: Connection, run_queue: Any) -> CustomField:
    """A field with mappings in both scopes, measured, over customers that were read."""
    queue_dataset(linked, "customers", actor="test")
    run_queue()
    made = create_custom_field(
        "person_name", "ACCOUNTING", "customers", source=CustomField.Source.DASHBOARD, actor="test"
    )
    mapping = create_mapping(made, "contact.name", actor="test", integration=linked.integration)
    update_mapping(mapping, "person", actor="test")
    other = make_connection(make_company("Alder & Finch Studio"), integration=linked.integration)
    create_mapping(made, 'fields."cost-center"', actor="test", connection=other)
    measure_coverage(linked, "customers")
    return made


def expenses(linked: Connection) -> CustomDataType:
    return put_custom_data_type(linked.integration, "expenses", MY_EXPENSE_DATA, actor="test").custom_data_type


def test_a_custom_data_type_is_made_tried_saved_and_read(visit: Visit, linked: Connection, run_queue: Any) -> None:
    page = visit()
    page.goto("/custom-data/")
    page.get_by_role("link", name="Make the first one").click()
    page.get_by_role("link", name="Configure Sandbox", exact=True).click()
    page.evaluate("window.stayed = true")
    page.fill("#id_identifier", "expenses")
    page.fill("#id_source", "/expenses")
    page.fill("#id_name_0", "id")
    page.fill("#id_path_0", "expenseId")
    page.get_by_role("button", name="Add a row").click()
    expect(page.locator("#id_name_1")).to_be_focused()
    page.keyboard.type("notes")
    page.keyboard.press("Tab")
    page.keyboard.type("$.expenseDetails.notes")
    page.fill("#id_key_0", "$.expenseId")
    page.locator("#id_source").focus()
    expect(page.locator("#config-check")).to_contain_text("A path begins with $")
    page.fill("#id_path_0", "$.expenseId")
    page.locator("#id_source").focus()
    expect(page.locator("#config-check .notice")).to_have_count(0)
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#trial .chip").first).to_have_text("works")
    expect(page.locator("#trial-rows tbody tr")).to_have_count(20)
    page.get_by_role("button", name="Remove row 2").click()
    expect(page.locator("#id_name_1")).to_have_count(0)
    assert page.evaluate("window.stayed") is True
    assert CustomDataType.objects.count() == 0

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("h1")).to_have_text("expenses")
    page.get_by_role("button", name="Read Harbour Bakery now").click()
    expect(page.locator("#use-rows .status-badge").nth(1)).to_have_text("Queued")
    run_queue()
    expect(page.locator("#use-rows .status-badge").nth(1)).to_have_text("Complete")
    page.locator("#use-rows a.link").click()
    expect(page.locator("#record-rows tbody tr")).to_have_count(30)


def test_a_value_is_picked_from_a_record_and_previewed_while_one_writes(
    visit: Visit, field: CustomField, linked: Connection
) -> None:
    page = visit()
    page.goto(f"/custom-fields/{field.pk}/")
    page.get_by_role("link", name="Override Harbour Bakery").click()
    page.evaluate("window.stayed = true")
    page.locator('[data-expression="display_name"]').click()
    expect(page.locator("#id_json_path")).to_have_value("display_name")
    expect(page.locator("#impact")).to_contain_text("This save changes 1 connection. 1 will show a value")
    page.fill("#id_json_path", "$.display_name")
    expect(page.locator("[data-lint] .caret")).to_have_text("$.display_name\n^")
    page.fill("#id_q", "cus_")
    expect(page.locator("[data-match]").first).to_be_visible()
    page.fill("#id_json_path", "display_name")
    expect(page.locator("#counts")).to_contain_text("Resolved")
    assert page.evaluate("window.stayed") is True
    page.get_by_role("button", name="Save mapping").click()
    expect(page.locator(".messages")).to_have_text("Saved. It counts for 1 connection, at once.")
    row = page.locator(f"#connection-{linked.pk}")
    expect(row.locator(".chip")).to_have_text("overridden")
    row.locator("summary").click()
    row.get_by_role("link", name="Use it for all of Sandbox").click()
    expect(page.locator("dialog")).to_contain_text("without a gap")
    page.locator("dialog").get_by_role("button", name="Use it for all").click()
    expect(row.locator(".chip")).to_have_text("inherited")
    assert FieldMapping.objects.get(integration=linked.integration, deleted_at=None).json_path == "display_name"


def test_both_work_without_javascript(visit: Visit, field: CustomField, linked: Connection) -> None:
    page = visit(java_script_enabled=False)
    page.goto(f"/custom-data/new/?platform=mqjo&connection={linked.pk}")
    page.fill("#id_identifier", "expenses")
    page.fill("#id_source", "/expenses")
    page.fill("#id_name_0", "id")
    page.fill("#id_path_0", "$.expenseId")
    page.get_by_role("button", name="Add a row").click()
    expect(page.locator("#id_path_0")).to_have_value("$.expenseId")
    expect(page.locator("#id_name_1")).to_have_count(1)
    page.get_by_role("button", name="Remove row 2").click()
    page.fill("#id_key_0", "$.expenseId")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#trial")).to_contain_text("What a read would bring")
    expect(page.locator("#trial .chip").first).to_have_text("works")
    page.fill("#id_key_0", "")
    page.locator("#id_key_0").press("Enter")
    expect(page.locator("#config-check")).to_contain_text("keyBy needs at least one path.")
    page.fill("#id_key_0", "$.expenseId")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("h1")).to_have_text("expenses")

    page.goto(f"/custom-fields/{field.pk}/integrations/mqjo/")
    page.locator('[data-expression="display_name"]').click()
    expect(page.locator("#id_json_path")).to_have_value("display_name")
    page.fill("#id_json_path", "email || person")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#impact")).to_contain_text("This save changes 1 connection.")
    page.get_by_role("button", name="Save mapping").click()
    expect(page.locator(".matrix code").first).to_have_text("email || person")
    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_role("button", name="Put person back").click()
    expect(page.locator(".messages")).to_have_text("It reads person again.")


def addresses(field: CustomField, linked: Connection) -> dict[str, str]:
    expenses(linked)
    one = f"/custom-fields/{field.pk}"
    return {
        "types": "/custom-data/",
        "type": "/custom-data/mqjo/expenses/",
        "type-edit": "/custom-data/mqjo/expenses/edit/",
        "type-new": "/custom-data/new/",
        "type-delete": "/custom-data/mqjo/expenses/delete/",
        "fields": "/custom-fields/",
        "field-new": "/custom-fields/new/",
        "field": f"{one}/",
        "field-history": f"{one}/history/",
        "field-picker": f"{one}/integrations/mqjo/",
        "field-lint": f"{one}/connections/{linked.pk}/?json_path=%24.person&q=cus",
    }


@pytest.mark.parametrize("width", [1280, 390, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_nothing_complains(
    visit: Visit, field: CustomField, linked: Connection, width: int, scheme: str
) -> None:
    page = visit(width=width, color_scheme=scheme)
    shots = os.environ.get("HEADRACE_SHOTS", "")  # a folder to keep pictures of them in
    wrong = {}
    for name, address in addresses(field, linked).items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        if name == "type-edit":
            page.select_option("#id_connection", str(linked.pk))
            page.get_by_role("button", name="Try it").click()
            expect(page.locator("#trial .card")).to_be_visible()
        wrong[name] = faults_of(page)
        if shots:
            page.screenshot(path=f"{shots}/{name}-{width}-{scheme}.png", full_page=True)
    assert {name: faults for name, faults in wrong.items() if faults} == {}
