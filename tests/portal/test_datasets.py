from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from portal.models import Role
from syncengine.models import Attempt, Dataset, RecordChange, SourceRequest, StageTiming, ValidationIssue
from syncengine.states import DATASET_ACTIVE, DATASET_ENDS, DATASET_ERRORS, Responsible, Trigger
from syncengine.states import DatasetStatus as S
from tests.factories import make_company, make_connection, make_dataset, make_record
from tests.portal.data_pages import HOSTILE, HTMX, Page, get, platform, sign_in, use_platforms

pytestmark = pytest.mark.django_db
LIST = "/data/history/"


@pytest.fixture(autouse=True)
def _platforms(monkeypatch):
    use_platforms(monkeypatch, platform())


def detail(dataset, query=""):
    return reverse("dataset-detail", args=[dataset.pk]) + query


def ended(dataset, took=2.0, **columns):
    start = dataset.requested_at
    columns = {"started_at": start, "completed_at": start + timedelta(seconds=took)} | columns
    Dataset.objects.filter(pk=dataset.pk).update(**columns)
    dataset.refresh_from_db()
    return dataset


# --- the history ---


@pytest.mark.parametrize("count", [1, 3])
def test_the_history_takes_three_queries(count, django_assert_num_queries):
    client = sign_in()
    for number in range(count):
        make_dataset(make_connection(make_company(f"Acme {number}")), status=S.FETCHING)
    with django_assert_num_queries(3):  # session, user, page
        page = get(client, LIST)
    assert len(page.find("tr")) == count + 1


@pytest.mark.parametrize("status", S.values)
def test_every_status_is_shown_in_the_list_and_in_detail(status):
    client = sign_in()
    dataset = make_dataset(status=status)
    assert page_badges(get(client, LIST)) == [status]
    assert page_badges(get(client, detail(dataset))) == [status]


def page_badges(page):
    return [badge["data-status"] for badge in page.find("span") if "data-status" in badge]


def test_a_row_tells_what_was_read_and_how_long_it_took():
    company = make_company("Acme")
    dataset = ended(
        make_dataset(
            make_connection(company),
            status=S.COMPLETE,
            trigger=Trigger.FIRST_LINK,
            fetched_count=12345,
            created_count=1200,
            changed_count=3,
            deleted_count=2,
            invalid_count=1,
        ),
        took=12.4,
    )
    page = get(sign_in(), LIST)
    for words in ("Invoices", "Sandbox", "Acme", "First link", "12,345", "+1,200", "~3", "−2", "!1", "12.4 s"):
        assert words in page.text
    assert detail(dataset) in page.links()


def test_a_company_has_its_own_history():
    mine, other = make_dataset(make_connection(make_company("Mine"))), make_dataset(make_connection(make_company("B")))
    page = get(sign_in(), reverse("company-dataset-list", args=[mine.company_id]))
    assert [row["id"] for row in page.find("tr") if row.get("id")] == [f"dataset-{mine.pk}"]
    assert detail(other) not in page.links()


def test_first_use_filtered_and_past_the_end_are_told_apart():
    client = sign_in()
    assert page_empty(get(client, LIST)) == "first-use"
    assert page_empty(get(client, LIST + "?status=Complete")) == "filtered"
    make_dataset()
    assert page_empty(get(client, LIST + "?q=nobody")) == "filtered"
    assert page_empty(get(client, LIST)) == ""


def page_empty(page):
    return "".join(found["data-kind"] for found in page.find("div", _class="empty"))


def test_filters_stand_in_the_address_and_in_the_form():
    failed = make_dataset(status=S.FETCH_ERROR)
    make_dataset(data_type="bills", status=S.QUEUED)
    page = get(sign_in(), LIST + "?status=failed&type=invoices&period=day&trigger=user")
    assert [row["id"] for row in page.find("tr") if row.get("id")] == [f"dataset-{failed.pk}"]
    assert [(box["name"], box["value"]) for box in page.find("input", type="checkbox") if "checked" in box] == [
        ("type", "invoices"),
        ("status", "failed"),
        ("trigger", "user"),
    ]
    assert [option["value"] for option in page.find("option") if "selected" in option] == ["day"]


@pytest.mark.parametrize(
    "query",
    ["?after=zz", "?period=x&since=2026-13-99&until=%00", "?connection=x", "?type=%00&status=%00", "?since=9999-12-31"],
)
def test_nonsense_in_the_address_filters_nothing_or_everything_but_never_fails(query):
    make_dataset()
    assert sign_in().get(LIST + query).status_code == 200


def test_days_are_days_of_the_readers_zone():
    dataset = make_dataset()
    Dataset.objects.filter(pk=dataset.pk).update(requested_at="2026-03-10T23:30:00Z")
    berlin = sign_in(time_zone="Europe/Berlin")
    assert len(get(berlin, LIST + "?since=2026-03-11&until=2026-03-11").find("tr")) == 2
    assert get(berlin, LIST + "?since=2026-03-10&until=2026-03-10").find("tr") == []


def test_a_swap_gets_the_results_alone():
    make_dataset()
    response = sign_in().get(LIST, headers=HTMX)
    page = Page(response)
    assert (len(page.find("div", id="results")), page.find("main")) == (1, [])
    assert "HX-Request" in response["Vary"]


def test_paging_goes_on_behind_the_last_row(monkeypatch):
    monkeypatch.setattr("portal.views.datasets.PAGE_SIZE", 2)
    connection = make_connection()
    made = [make_dataset(connection, status=S.COMPLETE) for _ in range(3)]
    client = sign_in()
    first = get(client, LIST)
    [older] = [link for link in first.links() if "after=" in link]
    second = get(client, older)
    assert [row["id"] for row in second.find("tr") if row.get("id")] == [f"dataset-{made[0].pk}"]
    assert "Back to the newest" in second.text


def poll_of(page):
    [live] = page.find("div", id="dataset-live")
    return live.get("hx-get"), live.get("hx-trigger")


def test_one_poll_brings_the_moved_rows_and_nothing_while_nothing_moves(django_assert_num_queries):
    client = sign_in()
    moving, still = make_dataset(status=S.FETCHING), make_dataset(make_connection(), status=S.COMPLETE)
    url, trigger = poll_of(get(client, LIST))
    assert (trigger, str(moving.pk) in url, f"rows={still.pk}" in url) == ("every 3s", True, False)
    with django_assert_num_queries(4):  # session, user, rows, how many newer
        assert client.get(url, headers=HTMX).status_code == 204
    Dataset.objects.filter(pk=moving.pk).update(fetched_count=7)
    page = get(client, url, **HTMX)
    assert [(row["id"], row["hx-swap-oob"]) for row in page.find("tr")] == [(f"dataset-{moving.pk}", "true")]
    assert poll_of(page)[0] != url


def test_the_poll_slows_down_when_the_last_row_stops():
    client = sign_in()
    dataset = make_dataset(status=S.PROCESSING)
    url, _ = poll_of(get(client, LIST))
    Dataset.objects.filter(pk=dataset.pk).update(status=S.COMPLETE)
    page = get(client, url, **HTMX)
    assert page_badges(page) == [S.COMPLETE]
    assert poll_of(page)[1] == "every 15s"


def test_new_rows_wait_behind_a_link():
    client = sign_in()
    make_dataset()
    url, _ = poll_of(get(client, LIST))
    make_dataset(make_connection())
    page = get(client, url, **HTMX)
    assert "1 new · show" in page.text
    assert client.get(poll_of(page)[0], headers=HTMX).status_code == 204


def test_later_pages_without_moving_rows_do_not_poll(monkeypatch):
    monkeypatch.setattr("portal.views.datasets.PAGE_SIZE", 1)
    connection = make_connection()
    for _ in range(2):
        make_dataset(connection, status=S.COMPLETE)
    client = sign_in()
    [older] = [link for link in get(client, LIST).links() if "after=" in link]
    assert poll_of(get(client, older)) == (None, None)


@pytest.mark.parametrize("rows", ["", "x", "x,y", "," * 500])
def test_a_poll_for_nonsense_rows_shows_none(rows):
    assert get(sign_in(), f"{LIST}?rows={rows}&v=old", **HTMX).find("tr") == []


def test_slow_reads_are_marked_and_can_be_filtered():
    connection = make_connection()
    for _ in range(5):
        ended(make_dataset(connection, status=S.COMPLETE), took=2)
    slow = ended(make_dataset(connection, status=S.COMPLETE), took=20)
    page = get(sign_in(), LIST + "?slow=1")
    assert [row["id"] for row in page.find("tr") if row.get("id")] == [f"dataset-{slow.pk}"]
    assert page.find("span", title="Usually 2.0 s", _class="chip")


# --- one dataset ---


def test_the_detail_shows_counts_timings_and_neighbours():
    connection = make_connection()
    before = make_dataset(connection, status=S.COMPLETE)
    dataset = ended(
        make_dataset(
            connection, status=S.COMPLETE, created_count=4, changed_count=5, unchanged_count=6, invalid_count=7
        ),
        took=61,
    )
    after = make_dataset(connection, status=S.CANCELLED)
    for stage, seconds in (("fetch", 1.5), ("map", 0.25), ("validate", 60), ("process", 3)):
        StageTiming.objects.create(dataset=dataset, stage=stage, started_at=now(), seconds=seconds)
    page = get(sign_in(), detail(dataset))
    assert [stage["data-state"] for stage in page.find("li", _class="stage")] == ["done"] * 5
    for words in ("1.5 s", "250 ms", "1 min 00 s", "+4", "~5", "!7", "1 min 01 s"):
        assert words in page.text
    assert [link["href"] for link in (*page.find("a", rel="prev"), *page.find("a", rel="next"))] == [
        detail(before),
        detail(after),
    ]


@pytest.mark.parametrize(
    ("status", "began", "states"),
    [
        (S.QUEUED, [], ["", "", "", "", ""]),
        (S.FETCHING, ["fetch"], ["now", "", "", "", ""]),
        (S.VALIDATING, ["fetch", "map"], ["done", "done", "now", "", ""]),
        (S.FETCH_ERROR, ["fetch"], ["failed", "", "", "", ""]),
        (S.MAP_ERROR, ["fetch", "map"], ["done", "failed", "", "", ""]),
        (S.VALIDATION_ERROR, ["fetch"], ["done", "done", "failed", "", ""]),
        (S.PROCESSING_ERROR, ["fetch"], ["done", "done", "done", "failed", ""]),
        (S.INTERNAL_ERROR, ["fetch", "map"], ["done", "failed", "", "", ""]),
        (S.CANCELLED, ["fetch", "map", "validate"], ["done", "done", "stopped", "", ""]),
        (S.COMPLETE, ["fetch"], ["done", "done", "done", "done", "done"]),
    ],
)
def test_the_stage_bar_names_where_it_stands(status, began, states):
    dataset = make_dataset(status=status, started_at=now() if began else None)
    for stage in began:
        StageTiming.objects.create(dataset=dataset, stage=stage, started_at=now(), seconds=1)
    page = get(sign_in(), detail(dataset))
    assert [stage["data-state"] for stage in page.find("li", _class="stage")] == states


@pytest.mark.parametrize(
    ("columns", "bar", "words"),
    [
        ({"fetched_count": 10, "source_total": 40}, ("40", "10"), "10 of 40 records fetched"),
        ({"fetched_count": 10, "expected_total": 40, "mode": "full"}, ("40", "10"), "10 of ≈ 40 records fetched"),
        ({"fetched_count": 50, "expected_total": 40, "mode": "full"}, None, "50 records fetched"),
        ({"fetched_count": 10, "expected_total": 40, "mode": "incremental"}, None, "10 records fetched"),
        ({"fetched_count": 10}, None, "10 records fetched"),
    ],
)
def test_fetching_is_determinate_only_where_a_total_is_known(columns, bar, words):
    page = get(sign_in(), detail(make_dataset(status=S.FETCHING, started_at=now(), **columns)))
    assert [(found["max"], found["value"]) for found in page.find("progress")] == ([bar] if bar else [])
    assert words in page.text


def test_later_stages_count_against_what_was_fetched():
    dataset = make_dataset(status=S.PROCESSING, started_at=now(), fetched_count=200, processed_count=50)
    page = get(sign_in(), detail(dataset))
    assert [(found["max"], found["value"]) for found in page.find("progress")] == [("200", "50")]
    assert "50 of 200 records stored" in page.text


def test_a_paused_one_says_until_when():
    until = now() + timedelta(minutes=10, seconds=30)
    dataset = make_dataset(status=S.FETCHING, wake_at=until, status_description="Rate limited by Sandbox.")
    page = get(sign_in(), detail(dataset))
    assert "Paused." in page.text
    assert "in 10 min" in page.text
    assert page.find("progress") == []
    assert "paused" in get(sign_in(Role.ANALYST), LIST).text


@pytest.mark.parametrize("status", sorted(DATASET_ERRORS))
def test_every_failure_says_what_happened_and_who_must_act(status):
    dataset = make_dataset(
        status=status,
        error_message="The platform is closed on Sundays.",
        error_responsible=Responsible.CUSTOMER,
        upstream_words=HOSTILE,
        upstream_status=403,
        fence=3,
    )
    response = sign_in().get(detail(dataset))
    page = Page(response)
    assert len(page.find("section", _class="error-card")) == 1
    for words in ("The platform is closed on Sundays.", "The customer must act", "Sandbox answered 403", "Reconnect"):
        assert words in page.text
    assert HOSTILE in page.text
    assert b"<script>alert" not in response.content


@pytest.mark.parametrize("status", sorted(DATASET_ERRORS))
def test_a_failure_without_words_of_its_own_still_explains_itself(status):
    page = get(sign_in(), detail(make_dataset(status=status)))
    assert page.find("section", _class="error-card")


def test_the_evidence_names_the_request_and_others_that_failed_alike():
    dataset = ended(make_dataset(status=S.FETCH_ERROR))
    ended(make_dataset(make_connection(), status=S.FETCH_ERROR))
    send(dataset, 1, 200)
    send(dataset, 2, 503)
    page = get(sign_in(), detail(dataset))
    assert "?tab=requests#request-2" in page.links()
    assert "1 other connection of Sandbox failed like this" in page.text


def send(dataset, sequence, status_code=200, **columns):
    return SourceRequest.objects.create(
        dataset=dataset,
        sequence=sequence,
        sent_at=now(),
        method="GET",
        url=columns.pop("url", "https://books.test/invoices?page=1"),
        status_code=status_code,
        **columns,
    )


def test_changes_show_each_field_before_and_after():
    dataset = ended(make_dataset(status=S.COMPLETE, changed_count=1, created_count=1))
    record = make_record(dataset.connection, "inv-9", content={"total": 20}, last_dataset_id=dataset.pk)
    make_record(dataset.connection, HOSTILE, first_dataset_id=dataset.pk)
    RecordChange.objects.create(
        dataset=dataset,
        record_id=record.pk,
        source_id="inv-9",
        kind="changed",
        fields=["total"],
        before={"content": {"total": "<b>10"}},
    )
    client = sign_in()
    page = get(client, detail(dataset, "?tab=changes"))
    assert "inv-9" in page.text
    assert "total <b>10 20" in page.text.replace("  ", " ")
    created = client.get(detail(dataset, "?tab=changes&kind=created"))
    assert HOSTILE in Page(created).text
    assert b"<script>alert" not in created.content


def test_validation_is_grouped_by_rule_and_opens_up():
    dataset = make_dataset(status=S.VALIDATION_ERROR, invalid_count=7)
    for number in range(7):
        ValidationIssue.objects.create(
            dataset=dataset,
            stage="validate",
            severity="error",
            rule_id="sum/lines",
            item_id=f"i{number}",
            message="Off.",
        )
    client = sign_in()
    page = get(client, detail(dataset))
    assert "sum/lines" in page.text
    assert "All 7" in page.text
    assert "i5" not in page.text
    [link] = [link for link in page.links() if "rule=" in link]
    assert "i5" in get(client, detail(dataset, link)).text


def test_requests_show_what_was_sent_and_answered():
    dataset = make_dataset(status=S.FETCH_ERROR)
    send(
        dataset, 1, 503, excerpt=HOSTILE, response_headers={"retry-after": "60"}, error_message="busy", duration_ms=1234
    )
    send(dataset, 2, None, error_message="timed out")
    response = sign_in().get(detail(dataset, "?tab=requests"))
    page = Page(response)
    for words in ("https://books.test/invoices?page=1", "503", "retry-after", "1,234 ms", "busy", "timed out", HOSTILE):
        assert words in page.text
    assert b"<script>alert" not in response.content


def test_attempts_and_settings_have_their_tabs():
    dataset = make_dataset(status=S.FETCHING, settings_used={"sync_schedule_hours": 24})
    Attempt.objects.create(
        dataset=dataset, fence=1, worker="w1", started_at=now(), ended_at=now(), outcome="worker lost"
    )
    Attempt.objects.create(dataset=dataset, fence=2, worker="w2", started_at=now())
    client = sign_in()
    page = get(client, detail(dataset, "?tab=attempts"))
    for words in ("w1", "worker lost", "w2", "still held"):
        assert words in page.text
    assert '"sync_schedule_hours": 24' in get(client, detail(dataset, "?tab=settings")).text


@pytest.mark.parametrize("tab", ["changes", "validation", "requests", "attempts", "settings", "nonsense"])
@pytest.mark.parametrize("count", [1, 3])
def test_each_tab_takes_a_fixed_number_of_queries(tab, count, django_assert_num_queries):
    dataset = ended(make_dataset(status=S.FETCH_ERROR))
    for number in range(1, count + 1):
        send(dataset, number, 500)
        Attempt.objects.create(dataset=dataset, fence=number, worker="w", started_at=now())
        ValidationIssue.objects.create(
            dataset=dataset, stage="map", severity="error", rule_id=f"r{number}", message="m"
        )
        record = make_record(dataset.connection, str(number))
        RecordChange.objects.create(
            dataset=dataset, record_id=record.pk, source_id=str(number), kind="changed", fields=["a"], before={}
        )
    expected = {"changes": 12, "validation": 11, "requests": 10, "attempts": 10, "settings": 9, "nonsense": 10}
    client = sign_in()
    with django_assert_num_queries(expected[tab]):
        get(client, detail(dataset, f"?tab={tab}"))


def test_the_detail_polls_while_active_and_stops_at_the_end(django_assert_num_queries):
    client = sign_in()
    dataset = make_dataset(status=S.FETCHING, started_at=now())
    url, trigger = poll_of(get(client, detail(dataset)))
    assert trigger == "every 2s"
    with django_assert_num_queries(3):
        assert client.get(url, headers=HTMX).status_code == 204
    Dataset.objects.filter(pk=dataset.pk).update(fetched_count=7)
    page = get(client, url, **HTMX)  # the open tab stays as it is, with whatever is unfolded in it
    assert (poll_of(page)[1], page.find("section", id="dataset-panel")) == ("every 2s", [])
    Dataset.objects.filter(pk=dataset.pk).update(status=S.COMPLETE, completed_at=now())
    page = get(client, poll_of(page)[0], **HTMX)
    assert poll_of(page) == (None, None)
    assert page_badges(page) == [S.COMPLETE]
    assert [found["id"] for _, found in page.elements if found.get("hx-swap-oob")] == [
        "dataset-status",
        "dataset-actions",
        "dataset-summary",
        "dataset-facts",
        "dataset-panel",
    ]


@pytest.mark.parametrize("status", S.values)
def test_active_ones_can_be_cancelled_and_ended_ones_retried(status):
    dataset = make_dataset(status=status)
    page = get(sign_in(), detail(dataset))
    actions = {found["action"] for found in page.find("form") if str(dataset.pk) in (found["action"] or "")}
    name = "dataset-cancel" if status in DATASET_ACTIVE else "dataset-retry"
    assert actions == {reverse(name, args=[dataset.pk])}
    assert (status in DATASET_ENDS) is (name == "dataset-retry")


def test_cancelling_ends_a_queued_one_and_says_what_is_kept():
    dataset = make_dataset(status=S.QUEUED)
    response = sign_in().post(reverse("dataset-cancel", args=[dataset.pk]), follow=True)
    dataset.refresh_from_db()
    assert (dataset.status, response.redirect_chain) == (S.CANCELLED, [(detail(dataset), 303)])
    assert "The last good data was kept." in Page(response).text


def test_cancelling_an_ended_one_is_refused_with_the_page_as_it_stands():
    dataset = make_dataset(status=S.COMPLETE)
    response = sign_in().post(reverse("dataset-cancel", args=[dataset.pk]))
    assert response.status_code == 409
    assert "This dataset has already ended as Complete." in Page(response).text


@pytest.mark.parametrize(("posted", "mode"), [({}, ""), ({"mode": "full"}, "full"), ({"mode": "x"}, "")])
def test_a_retry_queues_a_new_dataset_and_goes_there(posted, mode):
    dataset = make_dataset(status=S.FETCH_ERROR)
    response = sign_in().post(reverse("dataset-retry", args=[dataset.pk]), posted)
    retried = Dataset.objects.exclude(pk=dataset.pk).get()
    assert (response.status_code, response["Location"]) == (303, detail(retried))
    assert (retried.status, retried.trigger, retried.requested_mode) == (S.QUEUED, Trigger.RETRY, mode)


def test_a_retry_beside_a_running_one_is_refused_and_leads_there():
    dataset = make_dataset(status=S.FETCH_ERROR)
    running = make_dataset(dataset.connection, status=S.FETCHING)
    response = sign_in().post(reverse("dataset-retry", args=[dataset.pk]))
    page = Page(response)
    assert (response.status_code, detail(running) in page.links()) == (409, True)
    assert "is still in progress" in page.text


@pytest.mark.parametrize("name", ["dataset-cancel", "dataset-retry"])
def test_actions_are_posts(name):
    assert sign_in().get(reverse(name, args=[make_dataset().pk])).status_code == 405


@pytest.mark.parametrize(
    ("name", "method"),
    [("dataset-detail", "get"), ("dataset-cancel", "post"), ("dataset-retry", "post")],
)
def test_onboarding_people_do_not_see_data_and_strangers_sign_in(client, name, method):
    dataset = make_dataset()
    url = reverse(name, args=[dataset.pk])
    assert getattr(sign_in(Role.ONBOARDING), method)(url).status_code == 403
    assert getattr(client, method)(url).status_code == 302


def test_what_is_deleted_is_not_found():
    gone = make_dataset(make_connection(make_company(deleted_at=now())))
    assert sign_in().get(detail(gone)).status_code == 404
    assert sign_in(Role.ANALYST).get(reverse("company-dataset-list", args=[gone.company_id])).status_code == 404


def test_a_paused_read_looks_like_waiting_and_says_why_once():
    until = now() + timedelta(minutes=3)
    described = f"Paused until {until:%Y-%m-%dT%H:%M:%S}Z. The platform asks us to slow down"
    dataset = make_dataset(status=S.FETCHING, started_at=now(), wake_at=until, status_description=described)
    page = get(sign_in(), detail(dataset))
    (badge,) = page.find("span", data_status=S.FETCHING)
    assert badge["data-tone"] == "retry"
    assert "The platform asks us to slow down." in page.text
    assert "Paused until" not in page.text


def test_filtering_without_a_reload_also_marks_the_filters():
    page = get(sign_in(), LIST + "?status=AuthError", **HTMX)
    swapped = [found["id"] for _, found in page.elements if found.get("hx-swap-oob")]
    assert swapped == ["filters-clear", "type-count", "status-count", "trigger-count"]
    assert "Clear" in page.text
