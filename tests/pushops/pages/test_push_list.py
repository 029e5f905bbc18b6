"""The push history: which rows, which words, which tabs and filters, and what polls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from portal.models import User
from pushops.models import PushOperation
from pushops.states import Attention, Phase, PushStatus
from syncengine.models import Connection
from tests.factories import make_company, make_connection
from tests.portal.pages import page, rows
from tests.pushops.pushes import ACCOUNT, ask

pytestmark = pytest.mark.django_db
LIST = "/push/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def connection(db: None) -> Connection:
    return make_connection(make_company("Harbour Bakery"))


def asked(connection: Connection, *, body: Any = None, actor: str = "test", **columns: Any) -> PushOperation:
    """A customer is created over the connection, and its row then stands as told."""
    fields = {key: columns.pop(key) for key in ("data_type", "operation", "record_id") if key in columns}
    operation = ask(connection, body, actor=actor, **fields)
    PushOperation.objects.filter(pk=operation.pk).update(**columns)
    operation.refresh_from_db()
    return operation


def ids(response: Any) -> list[str]:
    return [row["id"].removeprefix("push-") for row in page(response).all("tr") if row.attributes.get("id")]


def tabs(response: Any) -> dict[str, str]:
    found = page(response).one("nav", id="push-tabs").all("a")
    return {tab.parts[0].strip(): "".join(chip.text for chip in tab.all("span")) for tab in found}


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_six_queries_whatever_it_shows(ana: Client, count: int, django_assert_num_queries: Any) -> None:
    who = f"user:{User.objects.get().pk}"
    for number in range(count):
        asked(make_connection(make_company(f"Acme {number}")), actor=who)
    with django_assert_num_queries(6):  # session, user, rows, two for the tabs' counts, who asked
        response = ana.get(LIST)
    assert len(ids(response)) == count


def test_a_row_tells_what_is_written_where_for_whom_and_how_it_stands(ana: Client, connection: Connection) -> None:
    who = f"user:{User.objects.get().pk}"
    moment = now()
    asked(
        connection,
        actor=who,
        operation="Update",
        record_id="cus_7",
        status=PushStatus.SUCCESS,
        requested_at=moment,
        completed_at=moment + timedelta(seconds=12),
        result_record_id="cus_7",
        fence=2,
    )
    assert rows(page(ana.get(LIST)).one("table", id="push-rows")) == [
        ["Update · Customers Sandbox · cus_7", "Harbour Bakery", "Success", "Ana Brandt", "just now", "2", "12.0 s"]
    ]


@pytest.mark.parametrize(
    ("columns", "word", "tone"),
    [
        ({}, "Pending", "waiting"),
        ({"phase": Phase.SENDING}, "Sending", "working"),
        ({"not_before": now() + timedelta(hours=1), "retry_count": 1}, "Retrying", "retry"),
        ({"not_before": now() + timedelta(hours=1)}, "Pending", "retry"),
        ({"phase": Phase.SENT, "needs_attention": Attention.OUTCOME_UNKNOWN}, "Outcome unknown", "retry"),
        ({"status": "Success"}, "Success", "good"),
        ({"status": "Failed", "error_responsible": "customer"}, "Failed", "customer"),
        ({"status": "Failed", "error_responsible": "operator"}, "Failed", "ours"),
        ({"status": "Failed", "discarded_at": now()}, "Discarded", "ended"),
        ({"status": "TimedOut"}, "TimedOut", "ended"),
    ],
)
def test_every_state_has_its_word_and_look(
    ana: Client, connection: Connection, columns: dict[str, Any], word: str, tone: str
) -> None:
    operation = asked(connection, **columns)
    for address in (LIST, f"/push/{operation.pk}/"):
        badge = page(ana.get(address)).all("span", class_="status-badge")[0]
        assert (badge.text, badge["data-tone"], badge["data-status"]) == (word, tone, operation.status)


def test_tabs_count_what_matches_and_show_it(ana: Client, connection: Connection) -> None:
    pending, unknown = asked(connection), asked(connection, needs_attention=Attention.OUTCOME_UNKNOWN)
    done = asked(connection, status=PushStatus.SUCCESS)
    failed = [asked(connection, status=PushStatus.FAILED) for _ in range(2)]
    late = asked(connection, status=PushStatus.TIMED_OUT, needs_attention=Attention.LATE_SUCCESS)
    put_away = asked(
        connection, status=PushStatus.TIMED_OUT, needs_attention=Attention.LATE_SUCCESS, discarded_at=now()
    )
    assert tabs(ana.get(LIST)) == {
        "All": "7",
        "Pending": "2",
        "Success": "1",
        "Failed": "2",
        "Timed out": "2",
        "Needs attention": "2",
    }
    shown = {tab: set(ids(ana.get(LIST, {"tab": tab}))) for tab in ("Pending", "Success", "Failed", "TimedOut")}
    assert shown == {
        "Pending": {str(pending.pk), str(unknown.pk)},
        "Success": {str(done.pk)},
        "Failed": {str(one.pk) for one in failed},
        "TimedOut": {str(late.pk), str(put_away.pk)},
    }
    assert set(ids(ana.get(LIST, {"tab": "attention"}))) == {str(unknown.pk), str(late.pk)}
    assert tabs(ana.get(LIST, {"tab": "Failed", "operation": "Update"})) == {
        "All": "0",
        "Pending": "",
        "Success": "",
        "Failed": "",
        "Timed out": "",
        "Needs attention": "",
    }


def test_a_company_has_its_own_history_and_tab(ana: Client, connection: Connection) -> None:
    mine, _ = asked(connection), asked(make_connection(make_company("Other")))
    response = ana.get(f"/companies/{connection.company_id}/push/")
    assert ids(response) == [str(mine.pk)]
    here = page(response).one("nav", aria_label="Company").one("a", aria_current="page")
    assert (here.text, here["href"]) == ("Push", f"/companies/{connection.company_id}/push/")


def test_filters_find_by_what_where_who_when_and_by_key_or_record(ana: Client, connection: Connection) -> None:
    who = f"user:{User.objects.get().pk}"
    other = make_connection(make_company("Northgate"))
    mine = asked(connection, actor=who)
    by_key = asked(connection, actor="api-key:0198c0de-0000-7000-8000-000000000001")
    account = asked(connection, body=ACCOUNT, data_type="chartOfAccounts")
    update = asked(connection, operation="Update", record_id="cus_42")
    old = asked(other, requested_at=now() - timedelta(days=3))
    for query, wanted in [
        ({"type": "chartOfAccounts"}, {account}),
        ({"operation": "Update"}, {update}),
        ({"integration": "tryt"}, set()),
        ({"integration": "mqjo"}, {mine, by_key, account, update, old}),
        ({"who": "me"}, {mine}),
        ({"who": "people"}, {mine}),
        ({"who": "api"}, {by_key}),
        ({"period": "day"}, {mine, by_key, account, update}),
        ({"q": str(mine.pk)}, {mine}),
        ({"q": "cus_42"}, {update}),
        ({"q": "northg"}, {old}),
        ({"q": str(other.company_id)}, {old}),
        ({"connection": str(other.pk)}, {old}),
        ({"type": "chartOfAccounts", "operation": "Update"}, set()),
    ]:
        assert set(ids(ana.get(LIST, query))) == {str(one.pk) for one in wanted}, query


@pytest.mark.parametrize(
    "query",
    [
        "tab=x",
        "after=zz",
        "period=x&since=2026-13-99&until=%00",
        "connection=x",
        "type=%00&operation=%00&q=%00",
        "who=x",
    ],
)
def test_nonsense_in_the_address_never_fails(ana: Client, connection: Connection, query: str) -> None:
    asked(connection)
    assert ana.get(f"{LIST}?{query}").status_code == 200


def test_paging_goes_on_behind_the_last_row(ana: Client, connection: Connection, monkeypatch: Any) -> None:
    monkeypatch.setattr("pushops.views.push_history.PAGE_SIZE", 2)
    operations = [asked(connection) for _ in range(3)]
    first = ana.get(LIST)
    assert ids(first) == [str(operations[2].pk), str(operations[1].pk)]
    second = ana.get(LIST + page(first).one("a", rel="next")["href"].removeprefix(LIST))
    assert ids(second) == [str(operations[0].pk)]
    assert page(second).all("a", rel="next") == []


def test_first_use_filtered_and_nothing_to_do_are_told_apart(ana: Client, connection: Connection) -> None:
    def empty(address: str) -> tuple[str, list[str]]:
        found = page(ana.get(address)).one("div", class_="empty")
        return found["data-kind"], [link["href"] for link in found.all("a")]

    own = f"/companies/{connection.company_id}/push/"
    assert empty(LIST) == ("first-use", ["/companies/"])
    assert empty(own) == ("first-use", [f"{own}new/"])
    assert empty(f"{LIST}?operation=Update") == ("filtered", [LIST])
    assert empty(f"{LIST}?tab=Failed") == ("filtered", [LIST])
    assert empty(f"{LIST}?tab=attention") == ("not-recorded", [])


def test_only_what_moves_is_polled_and_an_unchanged_poll_is_empty(ana: Client, connection: Connection) -> None:
    done = asked(connection, status=PushStatus.SUCCESS)
    moving = asked(connection)
    live = page(ana.get(LIST)).one("div", id="push-live")
    assert (live["hx-trigger"], f"rows={moving.pk}&" in live["hx-get"]) == ("every 3s", True)
    assert ana.get(live["hx-get"], headers=HTMX).status_code == 204

    PushOperation.objects.filter(pk=moving.pk).update(status=PushStatus.SUCCESS)
    response = ana.get(live["hx-get"], headers=HTMX)
    assert response.status_code == 200
    changed = page(response).one("tr")
    assert (changed["id"], changed["hx-swap-oob"]) == (f"push-{moving.pk}", "true")
    assert str(done.pk) not in response.content.decode()
    assert page(response).one("div", id="push-live")["hx-trigger"] == "every 15s"


def test_newer_operations_wait_behind_a_button(ana: Client, connection: Connection) -> None:
    asked(connection, status=PushStatus.SUCCESS)
    live = page(ana.get(LIST)).one("div", id="push-live")
    asked(connection)
    found = page(ana.get(live["hx-get"], headers=HTMX)).one("div", id="push-live")
    assert (found.one("a").text, found["data-announce"]) == ("1 new · show", "1 new push.")


def test_who_may_not_write_is_offered_no_writing(connection: Connection) -> None:
    from portal.models import Role
    from tests.portal.data_pages import sign_in

    advisor = sign_in(Role.ADVISOR)
    seen = advisor.get(f"/companies/{connection.company_id}/push/")
    assert [link["href"] for link in page(seen).one("main").all("a") if "new" in link["href"]] == []


def test_the_overview_names_what_waits_for_a_person(ana: Client, connection: Connection) -> None:
    unknown = asked(connection, operation="Update", record_id="cus_7", needs_attention=Attention.OUTCOME_UNKNOWN)
    for _ in range(2):
        asked(connection, status=PushStatus.TIMED_OUT, needs_attention=Attention.LATE_SUCCESS)
    asked(connection, status=PushStatus.FAILED)
    found = page(ana.get("/")).one("ul", class_="attention").all("li")
    told = {item.one("strong").text: (item.one("a").text, item.one("a")["href"]) for item in found}
    assert told["Harbour Bakery: nobody knows whether Sandbox has updated cus_7 in Customers"] == (
        "Settle",
        f"/push/{unknown.pk}/",
    )
    assert told["Harbour Bakery: Sandbox has done 2 pushes too late"] == (
        "See",
        f"/companies/{connection.company_id}/push/?tab=attention",
    )
