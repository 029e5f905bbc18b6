"""One push operation: what its page says and shows, when it polls, and what people do with it."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from portal.models import Role, User
from pushops.actions.pushing import edit_and_retry, push_now
from pushops.models import PushAttempt, PushOperation
from pushops.states import Attention, Phase, PushStatus
from syncengine.models import Connection, Dataset
from tests.factories import make_company, make_connection, make_record
from tests.portal.data_pages import sign_in
from tests.portal.pages import Element, page, rows, said
from tests.pushops.pushes import ACCOUNT, CUSTOMER, LONG_ACCOUNT, ask
from tests.syncengine.lab import Lab

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
SOON = timedelta(seconds=5)
LINES = {
    "customerRef": {"id": "cus_1"},
    "issueDate": "2026-03-31T00:00:00",
    "lineItems": [{"quantity": "x", "unitAmount": 3}],
    "colour": "red",
}


@pytest.fixture
def connection(db: None) -> Connection:
    return make_connection(make_company("Harbour Bakery"))


def stands(operation: PushOperation, **columns: Any) -> PushOperation:
    PushOperation.objects.filter(pk=operation.pk).update(**columns)
    operation.refresh_from_db()
    return operation


def failed(connection: Connection, **columns: Any) -> PushOperation:
    """An account that was refused before it was sent, since it lacks all that is needed."""
    return stands(ask(connection, {"name": "Till"}, data_type="chartOfAccounts"), **columns)


def detail(operation: PushOperation) -> str:
    return f"/push/{operation.pk}/"


def actions(response: Any) -> list[str]:
    """The labels of what can be done, without the word that opens the menu."""
    place = page(response).one("div", id="push-actions")
    return [one.text for one in (*place.all("a"), *place.all("button"))]


# --- what it says ---


def test_a_refused_write_is_explained_and_its_errors_stand_at_their_members(
    ana: Client, lab: Lab, linked: Connection
) -> None:
    body = {**LONG_ACCOUNT, "colour": "red"}
    operation = push_now(ask(linked, body, data_type="chartOfAccounts"), within=SOON)
    shown = page(ana.get(detail(operation)))
    words = "Failed to push to Account as NominalCode must not be longer than 10 characters long."
    card = shown.one("section", class_="error-card")
    assert (card.one("h2").text, card.all("span", class_="chip")[0].text) == (words, "You must act")
    assert rows(shown.one("table", class_="table body-table")) == [
        ["nominalCode", f"350045006500 {words}", "text, needed"],
        ["name", "Excessive Length Account", "text, needed"],
        ["fullyQualifiedCategory", "Asset.Current", "text, needed"],
        ["colour", "red Colour is not supported, and will be ignored.", "outside the model"],
    ]
    request = shown.one("ol", class_="request-log")
    assert request.one("span", class_="request-code").text == "422"
    assert "authorization *** " in request.text
    assert lab.requests("accounts")[0]["path"] in request.text


def test_missing_wrong_and_outside_are_told_apart_in_depth(ana: Client, connection: Connection) -> None:
    operation = ask(connection, LINES, data_type="invoices")
    shown = page(ana.get(detail(operation)))
    found = [
        (row.attributes.get("data-state", ""), row.one("th")["data-depth"], row.one("th").text)
        for row in shown.one("table", class_="table body-table").one("tbody").all("tr")
    ]
    assert found == [
        ("", "0", "customerRef"),
        ("", "1", "id"),
        ("", "0", "issueDate"),
        ("", "0", "lineItems"),
        ("", "1", "1."),
        ("wrong", "2", "quantity"),
        ("", "2", "unitAmount"),
        ("outside", "0", "colour"),
    ]
    missing = page(ana.get(detail(failed(connection)))).one("table", class_="table body-table")
    states = [row.attributes.get("data-state", "") for row in missing.one("tbody").all("tr")]
    assert states == ["missing", "", "missing"]


def test_success_leads_to_the_record_and_offers_what_belongs_to_it(ana: Client, lab: Lab, linked: Connection) -> None:
    operation = push_now(ask(linked, CUSTOMER), within=SOON)
    shown = page(ana.get(detail(operation)))
    place = f"/connections/{linked.pk}/data/customers/?record={operation.result_record_id}"
    assert shown.one("a", href=place).text == operation.result_record_id
    moments = [item.all("span")[0].text for item in shown.one("ol", class_="feed").all("li")]
    assert moments == ["Asked for by test", "Attempt 1: done by the platform", "Ended as Success"]
    boxes = shown.all("input", name="type")
    assert [(box["value"], "checked" in box.attributes) for box in boxes] == [
        ("customers", False),
        ("invoices", True),
        ("payments", True),
    ]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({}, "It waits for a worker. Nothing was sent yet."),
        ({"wait_reason": "Invoices are being stored."}, "Invoices are being stored."),
        ({"phase": Phase.SENDING, "sent_at": now()}, "It is being carried out at the platform."),
        (
            {"status": "TimedOut", "phase": Phase.SENDING, "sent_at": now()},
            "Its deadline passed. The status says so and nothing else: the platform may still carry it out.",
        ),
        (
            {"status": "TimedOut", "phase": Phase.SETTLED},
            "Its deadline passed before anything was sent. Nothing was written on the platform.",
        ),
        (
            {"status": "TimedOut", "needs_attention": Attention.LATE_SUCCESS, "sent_at": now()},
            "The platform has created it after the deadline, when this had timed out already.",
        ),
    ],
)
def test_where_it_stands_is_said_in_plain_words(
    ana: Client, connection: Connection, columns: dict[str, Any], sentence: str
) -> None:
    operation = stands(ask(connection), **columns)
    shown = page(ana.get(detail(operation)))
    assert shown.one("p", class_="push-sentence").text == sentence
    if columns.get("status") == "TimedOut" and "sent_at" in columns:
        assert "The request had left for the platform." in shown.one("main").text


def test_a_pause_shows_when_it_goes_on_in_the_readers_zone(connection: Connection) -> None:
    operation = stands(
        ask(connection), not_before=now() + timedelta(minutes=30, seconds=20), wait_reason="Sandbox asks to wait."
    )
    berlin = sign_in(Role.ADMINISTRATOR, time_zone="Europe/Berlin")
    shown = page(berlin.get(detail(operation)))
    assert shown.one("p", class_="push-sentence").text == "Sandbox asks to wait."
    going_on = [time for time in shown.all("time") if time.text.startswith("in 30 min")]
    assert going_on != []
    assert {time["title"].rsplit(" ", 1)[1] for time in shown.all("time")} <= {"CET", "CEST"}


def test_the_chain_of_tries_stands_on_each_of_them(ana: Client, connection: Connection) -> None:
    first = failed(connection)
    second = edit_and_retry(first, {"name": "Till", "nominalCode": "1"}, actor="test")
    third = edit_and_retry(second, ACCOUNT, actor="test")
    for operation in (first, second, third):
        tries = page(ana.get(detail(operation))).all("li", class_="push-try")
        assert [[link["href"] for link in one.all("a")] for one in tries] == [
            [] if one == operation else [detail(one)] for one in (first, second, third)
        ]


def test_the_command_is_quoted_for_a_shell_and_holds_no_key(ana: Client, connection: Connection) -> None:
    body = {"customerName": "Ada's “Quay”; rm -rf $HOME `id`\n\\"}
    operation = ask(connection, body, operation="Update", record_id="a/b c", timeout_minutes=5, force_update=True)
    copied = [
        one.attributes["data-copy"]
        for one in page(ana.get(detail(operation))).all("button")
        if one.attributes.get("data-copy", "").startswith("curl")
    ]
    words = shlex.split(copied[0].replace("\\\n", " "))
    place = f"/api/companies/{connection.company_id}/connections/{connection.pk}/push/customers/a%2Fb%20c"
    assert words[:3] == ["curl", "-X", "PUT"]
    assert words[3].endswith(f"{place}?timeoutInMinutes=5&forceUpdate=true")
    assert words[4:6] == ["-H", "Authorization: Bearer $HEADRACE_API_KEY"]
    assert words[-2:] == ["-d", '{"customerName":"Ada\'s “Quay”; rm -rf $HOME `id`\\n\\\\"}']


# --- how it moves ---


@pytest.mark.parametrize("attempts", [1, 4])
def test_the_page_takes_a_constant_number_of_queries(
    ana: Client, connection: Connection, attempts: int, django_assert_num_queries: Any
) -> None:
    operation = failed(connection, requested_by=f"user:{User.objects.get().pk}")
    for number in range(attempts):
        PushAttempt.objects.create(operation=operation, number=number + 1, started_at=now(), outcome="Rejected")
    # session, user, operation, attempts, retries of it, who asked, how many failed alike
    with django_assert_num_queries(7):
        ana.get(detail(operation))


def test_a_moving_operation_polls_until_it_ends(ana: Client, connection: Connection) -> None:
    operation = ask(connection)
    live = page(ana.get(detail(operation))).one("div", id="push-live")
    assert live["hx-trigger"] == "every 2s"
    assert ana.get(live["hx-get"], headers=HTMX).status_code == 204
    stands(operation, status=PushStatus.SUCCESS, phase=Phase.SETTLED, completed_at=now())
    swapped = page(ana.get(live["hx-get"], headers=HTMX))
    ended = swapped.one("div", id="push-live")
    assert "hx-get" not in ended.attributes
    assert ended["data-announce"] == "Create Customers: Success."
    assert [one["id"] for one in swapped.all() if one.attributes.get("hx-swap-oob")] == ["push-status", "push-actions"]


def test_what_timed_out_while_it_was_on_its_way_is_watched_further(ana: Client, connection: Connection) -> None:
    operation = stands(ask(connection), status=PushStatus.TIMED_OUT, phase=Phase.SENDING, sent_at=now())
    assert "hx-get" in page(ana.get(detail(operation))).one("div", id="push-live").attributes


# --- what is done with it ---


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ({}, ["Extend the deadline", "Discard"]),
        ({"phase": Phase.SENDING, "sent_at": now()}, ["Extend the deadline"]),
        (
            {"phase": Phase.SENT, "needs_attention": Attention.OUTCOME_UNKNOWN, "sent_at": now()},
            ["Say what happened", "Extend the deadline"],
        ),
        ({"status": "Success", "phase": Phase.SETTLED}, []),
        ({"status": "Failed", "phase": Phase.SETTLED}, ["Edit and retry", "Discard", "Retry as it is"]),
        ({"status": "Failed", "phase": Phase.SETTLED, "discarded_at": now()}, ["Edit and retry", "Retry as it is"]),
        (
            {"status": "TimedOut", "phase": Phase.SETTLED, "needs_attention": Attention.LATE_SUCCESS},
            ["Say what happened", "Discard"],
        ),
    ],
)
def test_only_what_makes_sense_is_offered(
    ana: Client, connection: Connection, columns: dict[str, Any], wanted: list[str]
) -> None:
    operation = stands(ask(connection), **columns)
    assert actions(ana.get(detail(operation))) == wanted
    advisor = sign_in(Role.ADVISOR)
    assert actions(advisor.get(detail(operation))) == []


def test_more_time_is_given(ana: Client, connection: Connection) -> None:
    operation = ask(connection, timeout_minutes=10)
    before = operation.deadline_at
    wrong = ana.post(f"{detail(operation)}extend/", {"minutes": "0"})
    assert wrong.status_code == 422
    done = ana.post(f"{detail(operation)}extend/", {"minutes": "30"}, follow=True)
    assert said(done) == [("success", "It has 30 minutes more.")]
    operation.refresh_from_db()
    assert (operation.deadline_at - before, operation.timeout_minutes) == (timedelta(minutes=30), 40)
    stands(operation, status=PushStatus.SUCCESS)
    late = ana.post(f"{detail(operation)}extend/", {"minutes": "30"})
    assert late.status_code == 409
    assert "it cannot be given more time" in page(late).one("div", data_tone="error").text


def test_a_dialog_gets_the_question_alone_and_leaves_by_a_redirect(ana: Client, connection: Connection) -> None:
    operation = ask(connection)
    question = page(ana.get(f"{detail(operation)}discard/", headers=HTMX))
    assert (question.all("main"), question.one("h2").text) == ([], "Discard this push?")
    empty = ana.post(f"{detail(operation)}discard/", {"reason": " "}, headers=HTMX)
    assert empty.status_code == 422
    done = ana.post(f"{detail(operation)}discard/", {"reason": "Asked for by mistake"}, headers=HTMX)
    assert done["HX-Redirect"] == detail(operation)
    operation.refresh_from_db()
    assert (operation.status, operation.discard_reason) == ("Failed", "Asked for by mistake")
    assert "Discarded by Ana Brandt" in page(ana.get(detail(operation))).one("main").text


@pytest.mark.parametrize(("outcome", "record_id"), [("Success", "cus_77"), ("Failed", "")])
def test_an_unknown_outcome_is_settled(ana: Client, connection: Connection, outcome: str, record_id: str) -> None:
    operation = stands(ask(connection), phase=Phase.SENT, needs_attention=Attention.OUTCOME_UNKNOWN, sent_at=now())
    address = f"{detail(operation)}settle/"
    assert ana.post(address, {"outcome": "", "record_id": ""}).status_code == 422
    assert ana.post(address, {"outcome": "Pending", "record_id": ""}).status_code == 422
    assert ana.post(address, {"outcome": outcome, "record_id": record_id}).status_code == 303
    operation.refresh_from_db()
    assert (operation.status, operation.result_record_id, operation.needs_attention) == (outcome, record_id, "")
    assert ana.post(address, {"outcome": outcome, "record_id": record_id}).status_code == 409


def test_a_failed_delete_is_retried_as_it_was(ana: Client, connection: Connection) -> None:
    operation = stands(
        ask(connection, operation="Delete", record_id="cus_1"), status=PushStatus.FAILED, phase=Phase.SETTLED
    )
    assert actions(ana.get(detail(operation)))[-1] == "Retry"
    sent = ana.post(f"{detail(operation)}retry/")
    retry = PushOperation.objects.get(retry_of=operation)
    assert sent["Location"] == detail(retry)
    assert (retry.operation, retry.record_id, retry.status) == ("Delete", "cus_1", "Pending")
    refused = ana.post(f"{detail(retry)}retry/")
    assert refused.status_code == 409
    assert "only one that failed or timed out can be retried" in page(refused).one("div", data_tone="error").text


def test_all_that_failed_for_one_cause_are_retried_once(ana: Client, connection: Connection) -> None:
    other = make_connection(make_company("Northgate"))
    alike = [failed(connection), failed(connection), failed(other)]
    unlike = ask(connection, {"fullyQualifiedCategory": "Asset.Current"}, data_type="chartOfAccounts")
    put_away = failed(connection, discarded_at=now())
    unknown = failed(connection, needs_attention=Attention.OUTCOME_UNKNOWN)
    address = f"{detail(alike[0])}retry-all/"
    assert "3 pushes, this one among them," in page(ana.get(detail(alike[0]))).one("main").text
    asked = page(ana.get(address))
    assert asked.one("h2", id="dialog-title").text == "Retry 3 pushes?"
    assert [item.text for item in asked.one("ul", class_="plain-list small").all("li")] == [
        "Harbour Bakery: 2",
        "Northgate: 1",
    ]
    assert PushOperation.objects.filter(retry_of__isnull=False).count() == 0
    done = ana.post(address, follow=True)
    assert said(done) == [("success", "3 pushes tried again.")]
    assert set(PushOperation.objects.filter(retry_of__isnull=False).values_list("retry_of", flat=True)) == {
        one.pk for one in alike
    }
    PushOperation.objects.filter(retry_of__isnull=False).update(status=PushStatus.PENDING)
    again = ana.post(address, follow=True)
    assert said(again) == [("warning", "0 pushes tried again.")]
    untouched = PushOperation.objects.filter(retry_of__in=[unlike.pk, put_away.pk, unknown.pk])
    assert untouched.count() == 0


def test_what_was_tried_again_is_not_pushed_twice(ana: Client, connection: Connection) -> None:
    operation = failed(connection)
    retry = edit_and_retry(operation, ACCOUNT, actor="test")
    assert actions(ana.get(detail(operation))) == ["Discard"]
    refused = ana.post(f"{detail(operation)}retry/")
    assert refused.status_code == 409
    words = "This was tried again already, and that try is Pending. Nothing was pushed."
    assert page(refused).one("div", data_tone="error").text == words
    assert ana.get(f"{detail(operation)}edit/")["Location"] == detail(retry)
    written = ana.post(f"{detail(operation)}edit/", {"json": "{}", "as": "json", "nonce": "n", "step": "send"})
    assert written.status_code == 409
    assert PushOperation.objects.count() == 2
    stands(retry, status=PushStatus.FAILED, phase=Phase.SETTLED)
    third = edit_and_retry(retry, ACCOUNT, actor="test")
    assert ana.post(f"{detail(operation)}retry/").status_code == 409
    stands(third, status=PushStatus.FAILED, phase=Phase.SETTLED)
    assert ana.post(f"{detail(operation)}retry/").status_code == 303


def test_associated_types_are_read_again(ana: Client, connection: Connection) -> None:
    operation = stands(ask(connection), status=PushStatus.SUCCESS, phase=Phase.SETTLED)
    address = f"{detail(operation)}refresh/"
    done = ana.post(address, {"type": ["invoices", "payments", "balanceSheet", "nonsense"]}, follow=True)
    assert said(done) == [("success", "2 data types are queued.")]
    assert sorted(Dataset.objects.values_list("data_type", flat=True)) == ["invoices", "payments"]
    twice = ana.post(address, {"type": ["invoices"]}, follow=True)
    assert said(twice)[0][0] == "warning"
    assert said(ana.post(address, follow=True)) == [("info", "Choose the data types to read.")]


# --- who reaches it ---


@pytest.mark.parametrize("path", ["", "edit/", "retry-all/", "extend/", "discard/", "settle/", "retry/", "refresh/"])
def test_missing_and_deleted_operations_answer_the_same_404(ana: Client, connection: Connection, path: str) -> None:
    gone = failed(connection)
    Connection.objects.filter(pk=connection.pk).update(deleted_at=now())
    send = ana.post if path in ("retry/", "refresh/") else ana.get
    deleted, missing = send(f"{detail(gone)}{path}"), send(f"/push/11111111-1111-4111-8111-111111111111/{path}")
    assert (deleted.status_code, missing.status_code) == (404, 404)
    assert deleted.content == missing.content


def test_hostile_texts_stay_texts(ana: Client, connection: Connection) -> None:
    hostile = '<script>alert("x")</script>&\'"{{ 7|add:7 }}'
    operation = ask(connection, {"customerName": hostile, hostile: hostile})
    stands(
        operation,
        wait_reason=hostile,
        error_message=hostile,
        status=PushStatus.FAILED,
        result_record_id=hostile,
        validation={"errors": [{"itemId": hostile, "message": hostile, "validatorName": hostile}], "warnings": []},
    )
    PushAttempt.objects.create(
        operation=operation,
        number=1,
        started_at=now(),
        outcome="Rejected",
        message=hostile,
        upstream=hostile,
        exchange=[{"method": hostile, "url": hostile, "sent_at": hostile, "excerpt": hostile}],
    )
    make_record(connection, hostile, "customers")
    for address in ("/push/", detail(operation), f"{detail(operation)}edit/", f"{detail(operation)}retry-all/"):
        shown = page(ana.get(address))
        assert shown.one("main").all("script") == []
        assert "14" not in [one.text for one in shown.all("h2")]
        assert shown.one("main").text.count('<script>alert("x")</script>') > 0


def test_elements_of_the_page_have_one_id_each(ana: Client, connection: Connection) -> None:
    operation = failed(connection)
    found = [one["id"] for one in page(ana.get(detail(operation))).all() if "id" in one.attributes]
    assert len(found) == len(set(found))
    assert isinstance(page(ana.get(detail(operation))).one("main"), Element)
