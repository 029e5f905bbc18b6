"""Monitor › Incidents and what the overview makes of them: what the pages show and do, by their elements."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from portal.actions.incidents import RETRY_AT_MOST
from portal.alerting.consumers import create_consumer
from portal.models import Incident, Role, WebhookAttempt, WebhookMessage
from portal.models.webhook import DisabledBecause, WebhookConsumer
from syncengine.actions.integrations import install_integrations
from syncengine.events import record_event
from syncengine.models import Connection, Dataset, Event, Integration
from syncengine.run.telling import tell_events
from syncengine.states import DatasetStatus
from tests.factories import make_company, make_connection, make_dataset, make_incident, make_user
from tests.portal.pages import Element, page, rows, said

pytestmark = pytest.mark.django_db
LIST = "/incidents/"
S = DatasetStatus
SWAP = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _catalogue() -> None:
    install_integrations()


def on(name: str, key: str = "mqjo", **fields: Any) -> Connection:
    return make_connection(make_company(name), integration=Integration.objects.get(key=key), **fields)


def fail(connection: Connection, *data_types: str, **fields: Any) -> Incident:
    given = {"error_message": "It answered 503.", "error_responsible": "platform", "completed_at": now()} | fields
    for data_type in data_types or ("invoices",):
        dataset = make_dataset(connection, data_type, given.pop("status", S.FETCH_ERROR), **given)
        record_event("dataset.failed", about=dataset, status=dataset.status)
    while tell_events():
        pass
    return Incident.objects.order_by("-last_seen_at").first()


def lose(connection: Connection) -> Incident:
    Connection.objects.filter(pk=connection.pk).update(status="Deauthorized", status_reason="The key was revoked.")
    record_event("connection.deauthorized", about=connection, reason="The key was revoked.")
    while tell_events():
        pass
    return Incident.objects.order_by("-last_seen_at").first()


def failing_endpoint(**fields: Any) -> WebhookConsumer:
    hook = create_consumer(
        url="https://93.184.216.34/in", event_types=["company.created"], description="Ledger", actor="test"
    )
    WebhookConsumer.objects.filter(pk=hook.pk).update(**fields)
    record_event("webhook.failing", consumer_id=str(hook.pk), url=hook.url, reason="The endpoint answered 500.")
    while tell_events():
        pass
    return hook


def client_of(role: Role) -> Client:
    client = Client()
    client.force_login(make_user(f"{role}@example.com", role=role))
    return client


def detail(incident: Incident) -> str:
    return f"{LIST}{incident.pk}/"


def actions_of(shown: Element) -> list[str]:
    head = shown.one("div", class_="page-head-actions")
    return [one.text for one in head.all() if one.tag in ("a", "button")]


# --- the list -------------------------------------------------------------------------------------------------------


def test_the_first_visit_says_what_an_incident_is(ana: Client) -> None:
    assert page(ana.get(LIST)).one("div", class_="empty").one("h2").text == "No incidents yet"


def test_the_list_shows_each_cause_once(ana: Client) -> None:
    acme, bolt = on("Acme"), on("Bolt")
    fail(acme, "invoices", "bills")
    fail(bolt)
    lose(on("Cove", "gbol"))
    shown = rows(page(ana.get(LIST)).one("table"))
    assert [row[:4] + row[5:6] for row in shown] == [
        ["Cove: Xero no longer lets us in The key was revoked.", "Open", "The customer must act", "1 company", "1"],
        ["Sandbox is failing for 2 companies It answered 503.", "Open", "The platform must act", "2 companies", "3"],
    ]
    chart = page(ana.get(LIST)).all("svg", class_="bars")[1]
    assert chart["aria-label"] == "3 failures in 24 hours"
    assert len(chart.all("rect")) == 24
    assert "data-empty" not in chart.all("rect")[-1].attributes


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Acme", "Bolt"]),
        ("?state=Open", ["Acme"]),
        ("?state=Acknowledged", ["Bolt"]),
        ("?state=Resolved", ["Cove"]),
        ("?state=all", ["Acme", "Bolt", "Cove"]),
        ("?state=nonsense&owner=nobody&period=never&page=x", ["Acme", "Bolt"]),
        ("?state=all&owner=customer", ["Cove"]),
        ("?state=all&platform=gbol", ["Bolt"]),
        ("?state=all&platform=%00", ["Acme", "Bolt", "Cove"]),
        ("?state=all&period=day", ["Bolt", "Cove"]),
    ],
)
def test_filters(ana: Client, query: str, found: list[str]) -> None:
    old = now() - timedelta(days=2)
    make_incident(on("Acme"), last_seen_at=old)
    make_incident(on("Bolt", "gbol"), acknowledged_at=now(), acknowledged_by="user:x")
    make_incident(on("Cove"), resolved_at=now(), cause="permissions", owner="customer")
    shown = page(ana.get(LIST + query))
    names = [link.text.partition(":")[0] for table in shown.all("table") for link in table.one("tbody").all("a")]
    assert sorted(names) == found


def test_filters_that_match_nothing_can_be_cleared(ana: Client) -> None:
    make_incident()
    shown = page(ana.get(f"{LIST}?owner=us")).one("div", class_="empty")
    assert (shown.one("h2").text, shown.one("a")["href"]) == ("No incident matches these filters", LIST)


def test_when_all_is_well_it_says_since_when(ana: Client) -> None:
    make_incident(resolved_at=now(), last_seen_at=now() - timedelta(days=6))
    shown = page(ana.get(LIST)).one("div", class_="empty")
    assert (shown.one("h2").text, shown.one("p").text) == ("No open incidents", "The last one was seen 6 d ago.")


def test_the_list_answers_a_poll_only_when_something_changed(ana: Client) -> None:
    acme = on("Acme")
    fail(acme)
    poll = LIST + page(ana.get(LIST)).one("div", id="results")["hx-get"]
    assert ana.get(poll, headers=SWAP).status_code == 204
    fail(acme, "bills")
    assert ana.get(poll, headers=SWAP).status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_list_queries(ana: Client, count: int, django_assert_num_queries: Any) -> None:
    for place in range(count):
        make_incident(on(f"C{place}"))
    with django_assert_num_queries(5):  # session, user, count, page, platforms
        ana.get(LIST)


# --- one incident ---------------------------------------------------------------------------------------------------


def test_the_page_of_an_incident(ana: Client) -> None:
    acme, bolt = on("Acme"), on("Bolt")
    fail(acme, "invoices", "bills", upstream_words="upstream is down", upstream_status=503)
    incident = fail(bolt, upstream_words="upstream is down", upstream_status=503)
    make_dataset(bolt, status=S.COMPLETE)
    record_event("dataset.completed", about=bolt, data_type="invoices")
    tell_events()
    shown = page(ana.get(detail(incident)))
    assert shown.one("h1").text == "Sandbox is failing for 2 companies"
    assert [row[:4] for row in rows(shown.one("table", id="member-rows"))] == [
        ["Acme", "Failing", "Bills, Invoices", "2"],
        ["Bolt", "Recovered", "—", "1"],
    ]
    assert shown.one("pre", class_="sample").text == "upstream is down"
    assert [line.all("span")[0].text for line in shown.one("ol", id="entries").all("li")] == [
        "Bolt recovered",
        "Spread to Bolt",
        "Began with Acme",
    ]
    assert actions_of(shown) == ["Retry all", "Acknowledge", "Resolve"]
    latest = Dataset.objects.filter(connection=bolt, status=S.FETCH_ERROR).get()
    assert [one["href"] for one in shown.all("a") if one.text.startswith("One of the reads")] == [
        f"/data/history/{latest.pk}/"
    ]


def test_an_advisor_retries_and_only_an_analyst_acknowledges() -> None:
    incident = fail(on("Acme"))
    assert actions_of(page(client_of(Role.ADVISOR).get(detail(incident)))) == ["Retry all"]
    assert actions_of(page(client_of(Role.ANALYST).get(detail(incident)))) == ["Retry all", "Acknowledge", "Resolve"]


def test_acknowledging_says_who_when_and_why(ana: Client) -> None:
    incident = fail(on("Acme"))
    response = ana.post(f"{detail(incident)}acknowledge/", {"note": "  Asked their support. "}, follow=True)
    assert said(response) == [("success", "Acknowledged. Others see that you have it.")]
    notice = page(response).one("div", class_="notice")
    assert notice.one("blockquote").text == "Asked their support."
    assert notice.text.startswith("Ana Brandt acknowledged it")
    incident.refresh_from_db()
    assert incident.state == "Acknowledged"
    assert Event.objects.get(kind="incident.acknowledged").data["note"] == "Asked their support."
    ana.post(f"{detail(incident)}acknowledge/", {"note": "They look into it."})
    incident.refresh_from_db()
    assert (incident.note, incident.entries.filter(kind="acknowledged").count()) == ("They look into it.", 2)


def test_a_note_that_is_too_long_is_refused_and_kept(ana: Client) -> None:
    incident = fail(on("Acme"))
    response = ana.post(f"{detail(incident)}acknowledge/", {"note": "x" * 2001})
    assert response.status_code == 422
    assert page(response).one("textarea").text == "x" * 2001
    incident.refresh_from_db()
    assert incident.state == "Open"


def test_resolved_by_hand(ana: Client) -> None:
    acme = on("Acme")
    incident = fail(acme)
    assert page(ana.get(f"{detail(incident)}resolve/")).one("h2").text == "Resolve this incident?"
    response = ana.post(f"{detail(incident)}resolve/", follow=True)
    assert said(response) == [("success", "The incident is resolved.")]
    assert page(response).one("div", class_="notice").text.startswith("Resolved just now by Ana Brandt")
    assert actions_of(page(response)) == []
    for url in ("acknowledge/", "resolve/", "retry/"):
        refused = ana.post(f"{detail(incident)}{url}", follow=True)
        assert said(refused) == [("warning", "This incident is resolved already.")]
    fail(acme)
    incident.refresh_from_db()
    assert (incident.state, incident.reopened_count) == ("Open", 1)


def test_retrying_queues_what_still_fails(ana: Client, queued: Any) -> None:
    acme, bolt, cove = on("Acme"), on("Bolt"), on("Cove")
    fail(acme, "invoices", "bills")
    fail(bolt)
    incident = fail(cove)
    make_dataset(bolt, status=S.FETCHING)
    Connection.objects.filter(pk=cove.pk).update(status="Deauthorized")
    response = ana.post(f"{detail(incident)}retry/", follow=True)
    assert said(response) == [("success", "2 reads tried again. 1 under way already. 1 must be linked first.")]
    again = Dataset.objects.filter(trigger="retry").order_by("data_type")
    assert [(one.connection, one.data_type, one.status) for one in again] == [
        (acme, "bills", "Queued"),
        (acme, "invoices", "Queued"),
    ]
    assert len(queued()) == 2
    assert next(line.all("span")[0].text for line in page(response).one("ol", id="entries").all("li")) == (
        "2 reads tried again by Ana Brandt"
    )


def test_one_press_does_not_flood_a_platform(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert RETRY_AT_MOST == 300
    monkeypatch.setattr("portal.actions.incidents.RETRY_AT_MOST", 1)
    incident = fail(on("Acme"), "bills", "invoices", "items")
    response = ana.post(f"{detail(incident)}retry/", follow=True)
    text = "1 read tried again. 2 left for the next press, so that the platform is not flooded."
    assert said(response) == [("success", text)]


def test_the_links_for_who_must_link_again(ana: Client) -> None:
    acme, bolt = on("Acme"), on("B & Söhne")
    lose(acme)
    incident = lose(bolt)
    assert actions_of(page(ana.get(detail(incident)))) == ["Send links", "Acknowledge", "Resolve"]
    shown = page(ana.get(f"{detail(incident)}links/"))
    assert [card.one("h2").text for card in shown.all("li", class_="card")] == ["Acme", "B & Söhne"]
    address = shown.all("li", class_="card")[1].one("input")["value"]
    assert address.endswith(f"#connection-{bolt.pk}")
    token = address.partition("/s/")[2].partition("/")[0]
    assert Client().get(f"/s/{token}/").status_code == 200
    mail = shown.all("li", class_="card")[1].one("a")["href"]
    assert mail.startswith("mailto:?subject=Please%20reconnect%20Sandbox&body=Hello")
    assert "B%20%26%20S%C3%B6hne" in mail


def test_an_endpoint_shows_its_failed_attempts_and_leads_there(ana: Client) -> None:
    hook = failing_endpoint()
    message = WebhookMessage.objects.create(
        consumer=hook, lane=hook.lane, to=hook.url, event_type="company.created", payload=b"{}"
    )
    for number, code in enumerate((500, None, 200), start=1):
        WebhookAttempt.objects.create(
            message=message, number=number, started_at=now(), ended_at=now(), status_code=code, duration_ms=1
        )
    incident = Incident.objects.get()
    shown = page(ana.get(detail(incident)))
    assert shown.one("h1").text == "Webhook endpoint failing: Ledger"
    assert shown.one("svg", class_="bars")["aria-label"] == "2 failed attempts in 24 hours"
    assert actions_of(shown) == ["Open endpoint", "Acknowledge", "Resolve"]
    assert shown.all("table") == []
    advisor = client_of(Role.ADVISOR)
    assert (advisor.get(detail(incident)).status_code, page(advisor.get(LIST)).all("table")) == (404, [])


@pytest.mark.parametrize("count", [1, 3])
def test_detail_queries(ana: Client, count: int, django_assert_num_queries: Any) -> None:
    for place in range(count):
        incident = fail(on(f"C{place}"))
    # session, user, incident, entries, count of members, members, one of the reads
    with django_assert_num_queries(7):
        ana.get(detail(incident))


def test_the_page_answers_a_poll_only_when_something_changed(ana: Client) -> None:
    incident = fail(on("Acme"))
    poll = detail(incident) + page(ana.get(detail(incident))).one("div", id="live")["hx-get"]
    assert ana.get(poll, headers=SWAP).status_code == 204
    ana.post(f"{detail(incident)}resolve/")
    answer = ana.get(poll, headers=SWAP)
    assert (answer.status_code, "hx-get" in page(answer).one("div", id="live").attributes) == (200, False)


# --- the overview ---------------------------------------------------------------------------------------------------


def items(client: Client) -> list[tuple[str, str]]:
    """Return what needs attention: its headline and what can be done; nothing is scheduled here, which is left out."""
    found = [item for lists in page(client.get("/")).all("ul", class_="attention") for item in lists.all("li")]
    told = [(item.one("strong").text, next(one.text for one in item.all(class_="button"))) for item in found]
    return [item for item in told if item[1] != "Fix"]


def test_the_overview_leads_with_incidents_and_says_nothing_twice(ana: Client) -> None:
    fail(on("Acme"))
    fail(on("Bolt"))
    lose(on("Cove", "gbol"))
    failing_endpoint(disabled=True, disabled_because=DisabledBecause.FAILING)
    untold = on("Untold")
    make_dataset(untold, status=S.MAP_ERROR)
    assert items(ana) == [
        ("Sandbox is failing for 2 companies", "Retry all"),
        ("Cove: Xero no longer lets us in", "Send links"),
        ("Webhook endpoint switched off: Ledger", "Open endpoint"),
        ("Untold: MapError in Invoices", "See why"),
    ]


def test_the_overview_retries_with_one_press(ana: Client) -> None:
    incident = fail(on("Acme"))
    form = page(ana.get("/")).one("ul", class_="attention").one("form")
    assert (form["method"], form["action"]) == ("post", f"{detail(incident)}retry/")


def test_what_somebody_has_acknowledged_comes_last(ana: Client) -> None:
    incident = fail(on("Acme"))
    fail(on("Bolt"))
    fail(on("Cove", "gbol"))
    ana.post(f"{detail(incident)}acknowledge/")
    Incident.objects.filter(company_count=2).update(acknowledged_at=now(), acknowledged_by="user:x")
    assert [headline for headline, _ in items(ana)] == [
        "Cove: Xero is failing",
        "Sandbox is failing for 2 companies",
    ]


def test_who_may_not_see_incidents_sees_the_connections(olga: Client) -> None:
    lose(on("Acme"))
    assert items(olga) == [("Acme: Sandbox no longer lets us in", "Reconnect")]


def test_what_was_resolved_by_hand_and_still_fails_is_shown_again(ana: Client) -> None:
    incident = fail(on("Acme"))
    ana.post(f"{detail(incident)}resolve/")
    assert items(ana) == [("Acme: FetchError in Invoices", "See why")]


def test_nothing_of_a_deleted_company_breaks_the_pages(ana: Client) -> None:
    acme = on("Acme")
    incident = fail(acme)
    acme.company.delete()
    assert page(ana.get(detail(incident))).one("h1").text == "A deleted company: Sandbox is failing"
    assert ana.get(LIST).status_code == 200
