"""Writing a record by hand: the form of the model, the preview, the push, and every way it is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from pushops.actions.pushing import push_now
from pushops.models import PushOperation
from syncengine.models import Connection
from tests.factories import make_company, make_connection, make_record
from tests.portal.pages import Element, page, said
from tests.pushops.pushes import ACCOUNT, LONG_ACCOUNT, ask, cached, writes
from tests.syncengine.lab import Lab

pytestmark = pytest.mark.django_db
SOON = timedelta(seconds=5)
HTMX = {"HX-Request": "true"}
FILLED = {f"body.{key}": value for key, value in ACCOUNT.items()}
ACCOUNT_MEMBERS = (
    *("nominalCode", "name", "description", "fullyQualifiedName", "fullyQualifiedCategory"),
    *("type", "currency", "currentBalance", "isBankAccount", "status"),
)
CUSTOMER = {
    "id": "cus_7",
    "customerName": "Quay Books",
    "emailAddress": "hello@quay.example",
    "status": "Active",
    "contacts": [{"name": "Ada", "status": "Active"}],
    "modifiedDate": "2026-01-01T00:00:00Z",
}


@pytest.fixture
def connection(db: None) -> Connection:
    return make_connection(make_company("Harbour Bakery"))


def create(connection: Connection, data_type: str = "chartOfAccounts") -> str:
    return f"/connections/{connection.pk}/push/{data_type}/new/"


def hidden(response: Any) -> dict[str, str]:
    form = page(response).one("main").one("form")
    return {one["name"]: one["value"] for one in form.all("input", type="hidden")}


def values(form: Element) -> dict[str, str]:
    """What a browser would send of a form without pressing a button."""
    found = {one["name"]: one.attributes.get("value", "") for one in form.all("input") if "name" in one.attributes}
    boxes = {one["name"] for one in form.all("input", type="checkbox") if "checked" not in one.attributes}
    found |= {one["name"]: one.text for one in form.all("textarea")}
    for select in form.all("select"):
        chosen = [option for option in select.all("option") if "selected" in option.attributes]
        found[select["name"]] = chosen[0]["value"] if chosen else ""
    return {name: value for name, value in found.items() if name not in boxes}


def errors(response: Any) -> dict[str, list[str]]:
    """What is said at each field, by the field's name."""
    found = {}
    for field in page(response).all("div", class_="field"):
        told = [one.text for one in field.all("p", class_="field-error")]
        named = [*field.all("input"), *field.all("select"), *field.all("textarea")]
        if told:
            found[named[0]["name"]] = told
    return found


def test_an_account_is_written_by_hand_and_lands_on_the_platform(ana: Client, lab: Lab, linked: Connection) -> None:
    address = create(linked)
    review = ana.post(address, {**FILLED, "allow_sync": "on", "timeout_minutes": "15", "step": "review"})
    assert json.loads(page(review).one("pre").text) == ACCOUNT
    assert (PushOperation.objects.count(), writes(lab)) == (0, [])

    sent = ana.post(address, {**hidden(review), "step": "send"})
    operation = PushOperation.objects.get()
    assert (sent.status_code, sent["Location"]) == (303, f"/push/{operation.pk}/")
    assert (operation.body, operation.timeout_minutes, operation.allow_sync) == (ACCOUNT, 15, True)
    assert operation.requested_by.startswith("user:")
    done = push_now(operation, within=SOON)
    assert [write["id"] for write in writes(lab)] == [done.result_record_id]
    told = page(ana.get(sent["Location"]))
    assert told.one("section", class_="card push-standing").text == "The platform has created it."


def test_a_preview_that_is_sent_twice_pushes_once(ana: Client, connection: Connection) -> None:
    review = ana.post(create(connection), {**FILLED, "step": "review"})
    places = {ana.post(create(connection), {**hidden(review), "step": "send"})["Location"] for _ in range(3)}
    assert places == {f"/push/{PushOperation.objects.get().pk}/"}
    other = ana.post(create(connection), {**FILLED, "step": "review"})
    ana.post(create(connection), {**hidden(other), "step": "send"})
    assert PushOperation.objects.count() == 2


def test_every_member_of_the_model_has_its_field(ana: Client, connection: Connection) -> None:
    form = page(ana.get(create(connection))).one("form", id="write-form")
    shown = [name.removeprefix("body.") for name in values(form) if name.startswith("body.")]
    assert sorted(shown) == sorted(ACCOUNT_MEMBERS)
    category = form.one("select", name="body.fullyQualifiedCategory").all("option")
    assert [(one["value"], one.text) for one in category][:3] == [
        ("", "–"),
        ("Asset.Current", "Current Asset"),
        ("Asset.Fixed", "Fixed Asset"),
    ]
    labels = {one["for"]: one.text for one in form.all("label", class_="field-label")}
    assert labels["body-nominalCode"] == "Nominal code"
    assert labels["body-currency"] == "Currency (optional)"


def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(ana: Client, connection: Connection) -> None:
    response = ana.post(
        create(connection),
        {"body.name": "Till", "body.currentBalance": "a lot", "timeout_minutes": "0", "step": "review"},
    )
    assert response.status_code == 422
    assert errors(response) == {
        "body.nominalCode": ["This is needed."],
        "body.fullyQualifiedCategory": ["This is needed."],
        "body.currentBalance": ["Enter a number with digits and at most one point, such as 1234.50."],
        "timeout_minutes": ["Ensure this value is greater than or equal to 1."],
    }
    kept = values(page(response).one("form", id="write-form"))
    assert (kept["body.name"], kept["body.currentBalance"], kept["timeout_minutes"]) == ("Till", "a lot", "0")
    wrong = page(response).one("input", name="body.nominalCode")
    assert (wrong["aria-invalid"], wrong["aria-describedby"]) == ("true", "body-nominalCode-said")
    assert PushOperation.objects.count() == 0


def test_rows_come_and_go_with_and_without_scripts(ana: Client, connection: Connection) -> None:
    address = create(connection, "invoices")
    first = page(ana.get(address)).one("form", id="write-form")
    assert [row.one("legend").text for row in first.all("fieldset", class_="model-row")] == ["Line items 1"]
    typed = {**values(first), "body.lineItems.0.quantity": "2", "add": "body.lineItems"}

    plain = page(ana.post(address, typed)).one("form", id="write-form")
    assert [row.one("legend").text for row in plain.all("fieldset", class_="model-row")] == [
        "Line items 1",
        "Line items 2",
    ]
    assert plain.one("input", name="body.lineItems.0.quantity")["value"] == "2"
    swapped = ana.post(address, typed, headers=HTMX)
    assert page(swapped).all("main") == []
    assert len(page(swapped).one("div", id="write-fields").all("fieldset", class_="model-row")) == 2

    both = {**typed, "body.lineItems": ["0", "1"], "body.lineItems.1.quantity": "5", "remove": "body.lineItems 0"}
    del both["add"]
    left = page(ana.post(address, both)).one("form", id="write-form")
    assert [one["name"] for one in left.all("fieldset", class_="model-row")[0].all("input", type="hidden")] == [
        "body.lineItems"
    ]
    assert left.one("input", name="body.lineItems.1.quantity")["value"] == "5"


def test_fields_turn_into_json_and_back_with_what_was_written(ana: Client, connection: Connection) -> None:
    as_json = page(ana.post(create(connection), {**FILLED, "step": "turn"})).one("form", id="write-form")
    text = as_json.one("textarea", name="json").text
    assert json.loads(text) == ACCOUNT
    more = json.dumps({**ACCOUNT, "colour": "red"})
    back = ana.post(create(connection), {"as": "json", "json": more, "step": "turn"})
    assert values(page(back).one("form", id="write-form"))["body.nominalCode"] == ACCOUNT["nominalCode"]
    assert "There is no field for colour" in page(back).one("main").text
    broken = ana.post(create(connection), {"as": "json", "json": "{", "step": "turn"})
    assert broken.status_code == 422
    assert list(errors(broken)) == ["json"]


def test_a_json_body_is_previewed_with_what_the_model_says_of_it(ana: Client, connection: Connection) -> None:
    good = ana.post(
        create(connection), {"as": "json", "json": json.dumps({**ACCOUNT, "colour": "red"}), "step": "review"}
    )
    assert "Colour is not supported, and will be ignored." in page(good).one("main").text
    assert [one.text for one in page(good).one("main").one("form").all("button", name="step")] == [
        "Send to Sandbox",
        "Go on editing",
    ]
    bad = ana.post(create(connection), {"as": "json", "json": '{"name": 5}', "step": "review"})
    told = [one.text for one in page(bad).one("div", data_tone="error").all("li")]
    assert told == [
        "Failed to push to Account as FullyQualifiedCategory must be provided.",
        "Failed to push to Account as Name must be a text.",
        "Failed to push to Account as NominalCode must be provided.",
    ]
    assert [one["value"] for one in page(bad).one("main").one("form").all("button", name="step")] == ["back"]


def test_going_on_editing_keeps_the_body_and_the_settings(ana: Client, connection: Connection) -> None:
    review = ana.post(create(connection), {**FILLED, "timeout_minutes": "15", "step": "review"})
    form = page(ana.post(create(connection), {**hidden(review), "step": "back"})).one("form", id="write-form")
    kept = values(form)
    assert {name: kept[name] for name in FILLED} == FILLED
    assert kept["timeout_minutes"] == "15"
    assert "allow_sync" not in kept


def test_an_update_starts_from_the_record_and_sends_what_was_changed(ana: Client, connection: Connection) -> None:
    make_record(connection, "cus/7 ü", "customers", content=CUSTOMER)
    address = f"/connections/{connection.pk}/push/customers/update/?record=cus%2F7+%C3%BC"
    form = page(ana.get(address)).one("form", id="write-form")
    kept = values(form)
    assert (kept["body.customerName"], kept["body.status"], kept["body.contacts.0.name"]) == (
        "Quay Books",
        "Active",
        "Ada",
    )
    assert form["action"] == address
    review = ana.post(address, {**kept, "body.customerName": "Quay & Co", "body.emailAddress": "", "step": "review"})
    sent = ana.post(address, {**hidden(review), "force_update": "on", "step": "send"})
    assert sent.status_code == 303
    operation = PushOperation.objects.get()
    assert (operation.operation, operation.record_id, operation.force_update) == ("Update", "cus/7 ü", True)
    assert operation.body == {
        "customerName": "Quay & Co",
        "emailAddress": None,
        "status": "Active",
        "contacts": [{"name": "Ada", "status": "Active"}],
    }


def test_what_is_emptied_is_emptied_on_the_platform(ana: Client, lab: Lab, linked: Connection) -> None:
    body = {"customerName": "Quay Books", "emailAddress": "hello@quay.example", "phone": "0131"}
    made = push_now(ask(linked, body), within=SOON)
    address = f"/connections/{linked.pk}/push/customers/update/?record={made.result_record_id}"
    kept = values(page(ana.get(address)).one("form", id="write-form"))
    review = ana.post(address, {**kept, "body.emailAddress": "", "step": "review"})
    ana.post(address, {**hidden(review), "step": "send"})
    done = push_now(PushOperation.objects.get(operation="Update"), within=SOON)
    assert (done.status, done.validation["errors"]) == ("Success", [])
    content = cached(linked, made.result_record_id).content
    assert (content.get("emailAddress"), content["phone"], content["customerName"]) == (None, "0131", "Quay Books")


def test_a_record_that_was_never_read_is_updated_from_empty_fields(ana: Client, connection: Connection) -> None:
    address = f"/connections/{connection.pk}/push/customers/update/?record=cus_9"
    assert "not among those that were read" in page(ana.get(address)).one("main").text
    review = ana.post(address, {"body.phone": "0131 496 0000", "step": "review"})
    ana.post(address, {**hidden(review), "step": "send"})
    assert PushOperation.objects.get().body == {"phone": "0131 496 0000"}


def test_references_are_chosen_from_the_cached_records(ana: Client, connection: Connection) -> None:
    make_record(connection, "cus_7", "customers", content=CUSTOMER)
    make_record(connection, "cus_8", "customers", content={"id": "cus_8"}, is_deleted=True)
    form = page(ana.get(create(connection, "invoices")))
    assert form.one("input", name="body.customerRef.id")["list"] == "records-customers"
    offered = form.one("datalist", id="records-customers").all("option")
    assert [(one["value"], one.text) for one in offered] == [("cus_7", "Quay Books")]


def test_bank_transactions_go_to_the_account_that_the_body_names(ana: Client, connection: Connection) -> None:
    body = {"accountId": "ba_1", "transactions": [{"clearedOnDate": "2026-03-31T00:00:00", "amount": 5}]}
    address = create(connection, "bankTransactions")
    review = ana.post(address, {"as": "json", "json": json.dumps(body), "step": "review"})
    ana.post(address, {**hidden(review), "step": "send"})
    operation = PushOperation.objects.get()
    assert (operation.record_id, operation.body) == ("ba_1", body)
    without = ana.post(address, {"as": "json", "json": json.dumps({**body, "accountId": ""}), "step": "review"})
    refused = ana.post(address, {**hidden(without), "step": "send"})
    assert refused.status_code == 409
    assert "The record's id is missing. Nothing was sent." in page(refused).one("main").text


def test_edit_and_retry_starts_from_what_failed_with_its_errors_pinned(
    ana: Client, lab: Lab, linked: Connection
) -> None:
    failed = push_now(ask(linked, LONG_ACCOUNT, data_type="chartOfAccounts"), within=SOON)
    address = f"/push/{failed.pk}/edit/"
    shown = ana.get(address)
    assert errors(shown) == {
        "body.nominalCode": ["Failed to push to Account as NominalCode must not be longer than 10 characters long."]
    }
    kept = values(page(shown).one("form", id="write-form"))
    review = ana.post(address, {**kept, "body.nominalCode": "3500450065", "step": "review"})
    sent = ana.post(address, {**hidden(review), "step": "send"})
    retry = PushOperation.objects.get(retry_of=failed)
    assert sent["Location"] == f"/push/{retry.pk}/"
    assert retry.body == {**LONG_ACCOUNT, "nominalCode": "3500450065"}
    again = ana.post(address, {**hidden(review), "step": "send"})
    assert again["Location"] == sent["Location"]
    diff = page(ana.get(f"/push/{retry.pk}/")).one("table", class_="diff").one("tbody").all("tr")
    assert [[cell.text for cell in row.parts if isinstance(cell, Element)] for row in diff] == [
        ["nominalCode", LONG_ACCOUNT["nominalCode"], "3500450065"]
    ]


def test_what_is_under_way_is_not_edited(ana: Client, connection: Connection) -> None:
    pending = ask(connection)
    response = ana.get(f"/push/{pending.pk}/edit/", follow=True)
    assert said(response) == [("warning", "Only a push that failed or timed out can be retried.")]
    delete = ask(connection, operation="Delete", record_id="cus_1")
    assert ana.get(f"/push/{delete.pk}/edit/").status_code == 404


def test_a_record_is_deleted_once_its_id_was_typed(ana: Client, connection: Connection) -> None:
    address = f"/connections/{connection.pk}/push/customers/delete/?record=cus_7"
    assert page(ana.get(address)).one("h2", id="dialog-title").text == "Delete cus_7 on Sandbox?"
    wrong = ana.post(address, {"typed": "cus_8"})
    assert (wrong.status_code, PushOperation.objects.count()) == (422, 0)
    done = ana.post(address, {"typed": "cus_7"})
    operation = PushOperation.objects.get()
    assert done["Location"] == f"/push/{operation.pk}/"
    assert (operation.operation, operation.record_id, operation.body) == ("Delete", "cus_7", None)


def test_a_file_is_uploaded_to_a_record(ana: Client, connection: Connection) -> None:
    address = f"/connections/{connection.pk}/push/invoices/upload/?record=inv-1"
    empty = ana.post(address, {"file": SimpleUploadedFile("a.pdf", b"")})
    assert errors(empty) == {"file": ["This file is empty."]}
    assert errors(ana.post(address, {})) == {"file": ["Choose a file."]}
    form = page(ana.get(address)).one("main").one("form")
    assert form["enctype"] == "multipart/form-data"
    sent = SimpleUploadedFile("a.pdf", b"%PDF-1.7", content_type="application/pdf")
    done = ana.post(address, {"file": sent, "nonce": values(form)["nonce"]})
    operation = PushOperation.objects.get()
    assert done["Location"] == f"/push/{operation.pk}/"
    assert (operation.operation, operation.record_id) == ("UploadAttachment", "inv-1")
    kept = operation.file
    assert (kept.name, kept.content_type, bytes(kept.content)) == ("a.pdf", "application/pdf", b"%PDF-1.7")


@pytest.mark.parametrize(
    "path",
    ["invoices/update/", "invoices/delete/", "journals/update/?record=1", "transfers/delete/?record=1",
     "customers/upload/?record=1", "balanceSheet/new/", "nothing/new/", "custom%2Fx/new/"],
)  # fmt: skip
def test_what_the_platform_does_not_take_is_not_there(ana: Client, connection: Connection, path: str) -> None:
    assert ana.get(f"/connections/{connection.pk}/push/{path}").status_code == 404


def test_over_a_connection_that_is_not_linked_nothing_is_written(ana: Client) -> None:
    connection = make_connection(make_company("Northgate"), status="Deauthorized")
    response = ana.post(create(connection), {**FILLED, "step": "review"})
    assert response.status_code == 409
    assert "The connection is Deauthorized" in page(response).one("main").text
    refused = ana.post(
        f"/connections/{connection.pk}/push/customers/delete/?record=cus_7", {"typed": "cus_7", "nonce": "n"}
    )
    assert (refused.status_code, PushOperation.objects.count()) == (422, 0)


def test_the_chooser_offers_what_each_linked_platform_takes(ana: Client, connection: Connection) -> None:
    gone = make_connection(connection.company, status="Unlinked")
    cards = page(ana.get(f"/companies/{connection.company_id}/push/new/")).one("main").all("section", class_="card")
    links = [link["href"] for link in cards[0].all("a")]
    assert create(connection) in links
    assert f"/connections/{connection.pk}/data/customers/" in links
    assert f"/connections/{gone.pk}/" not in str([link["href"] for link in cards[1].all("a")])
    assert "Only a Linked connection can be written to." in cards[1].text


def test_records_lead_to_writing_them(ana: Client, connection: Connection) -> None:
    make_record(connection, "inv 1", "invoices")
    place = f"/connections/{connection.pk}/push/invoices/"
    listed = page(ana.get(f"/connections/{connection.pk}/data/invoices/"))
    assert listed.one("header", class_="page-head").one("a", href=f"{place}new/").text == "Create"
    opened = page(ana.get(f"/connections/{connection.pk}/data/invoices/?record=inv+1")).one("aside")
    assert [(link.text, link["href"]) for link in opened.all("a", class_="button") if "push" in link["href"]] == [
        ("Change", f"{place}update/?record=inv+1"),
        ("Add a file", f"{place}upload/?record=inv+1"),
        ("Delete", f"{place}delete/?record=inv+1"),
    ]
