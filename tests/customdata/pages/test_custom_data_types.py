"""Custom data types: what their pages show and do, by their elements."""

from __future__ import annotations

import pytest

from customdata.actions.custom_data_types import delete_custom_data_type, put_custom_data_type
from customdata.models import CustomDataType
from syncengine.actions.integrations import install_integrations
from syncengine.models import Dataset, DataStatus, Event
from syncengine.states import ConnectionStatus
from tests.customdata.conftest import MY_EXPENSE_DATA
from tests.factories import make_company, make_connection, make_dataset, make_integration
from tests.portal.pages import page, rows, said

pytestmark = pytest.mark.django_db
LIST = "/custom-data/"
NEW = "/custom-data/new/?platform=mqjo"
HERE = "/custom-data/mqjo/expenses/"
SWAP = {"HX-Request": "true"}


def posted(do="save", **members):
    return {
        "identifier": "expenses",
        "source": "/expenses",
        "name": ["myExpenseId", "myExpenseDetails"],
        "path": ["$.expenseId", "$.expenseDetails.notes"],
        "key": ["$.expenseId", "$.accountId"],
        "date": MY_EXPENSE_DATA["sourceModifiedDate"],
        "do": do,
        **members,
    }


def configured(identifier="expenses", integration=None, **members):
    saved = put_custom_data_type(
        integration or make_integration(), identifier, {**MY_EXPENSE_DATA, **members}, actor="test"
    )
    return saved.custom_data_type


def notices(response):
    return [(n.attributes.get("data-tone", ""), n.text) for n in page(response).all("div", class_="notice")]


# --- the list


def test_the_first_visit_says_what_a_custom_data_type_is(ana, olga):
    shown = page(ana.get(LIST))
    assert shown.one("div", class_="empty").one("h2").text == "No custom data types yet"
    assert shown.one("div", class_="empty").one("a")["href"] == "/custom-data/new/"
    assert olga.get(LIST).status_code == 403


def test_the_list_shows_what_each_reads_and_how_its_reads_do(ana):
    used = configured()
    configured("timesheets", dataSource="/timesheets", keyBy=["$.id"])
    for status in ("Complete", "FetchError"):
        dataset = make_dataset(make_connection(), used.data_type, status)
        DataStatus.objects.filter(latest_dataset=dataset).update(record_count=7)
    found = [row[:6] for row in rows(page(ana.get(LIST)).one("table"))]
    assert found == [
        ["expenses", "Sandbox", "/expenses", "$.expenseId, $.accountId", "2", "2 14 records"],
        ["timesheets", "Sandbox", "/timesheets", "$.id", "2", "0"],
    ]
    failed = page(ana.get(LIST)).one("a", href="/data/history/?type=custom%2Fexpenses&status=failed")
    assert failed.text == "1 failed"


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_for_one_and_three(ana, count, django_assert_num_queries):
    for number in range(count):
        made = configured(f"type-{number}")
        make_dataset(make_connection(), made.data_type, "Complete")
    with django_assert_num_queries(6):  # session, user, count, page, figures, platforms
        ana.get(LIST)


def test_the_list_filters_and_says_when_nothing_matches(ana):
    install_integrations()
    configured()
    assert [row[0] for row in rows(page(ana.get(f"{LIST}?q=EXP")).one("table"))] == ["expenses"]
    assert [row[0] for row in rows(page(ana.get(f"{LIST}?platform=mqjo&q=/exp")).one("table"))] == ["expenses"]
    empty = page(ana.get(f"{LIST}?platform=gbol")).one("div", class_="empty")
    assert (empty["data-kind"], empty.one("a")["href"]) == ("filtered", LIST)


def test_a_long_list_is_paged(ana):
    for number in range(26):
        configured(f"type-{number:02}")
    assert len(rows(page(ana.get(LIST)).one("table"))) == 25
    assert [row[0] for row in rows(page(ana.get(f"{LIST}?page=2")).one("table"))] == ["type-25"]


# --- making one


def test_a_new_one_begins_with_its_platform_and_can_begin_with_an_example(ana):
    install_integrations()
    links = [a["href"] for a in page(ana.get("/custom-data/new/")).one("ul", class_="grid").all("a")]
    assert "/custom-data/new/?platform=mqjo" in links
    empty = page(ana.get(NEW))
    assert [field["value"] for field in empty.all("input", name="path")] == [""]
    example = page(ana.get(f"{NEW}&example=1"))
    assert example.one("input", name="source")["value"] == "/accounts"
    assert [field["value"] for field in example.all("input", name="key")] == ["$.id"]
    tryton = page(ana.get("/custom-data/new/?platform=tryt&example=1"))
    assert tryton.one("input", name="source")["value"] == "account.account"
    for wrong in ("nope", "mqjo&copy=mqjo/none", "mqjo&copy=\0/a"):
        assert ana.get(f"/custom-data/new/?platform={wrong}").status_code == 404


def test_one_is_saved_as_the_wire_would_write_it(ana):
    make_integration()
    answer = ana.post(
        NEW, posted(optional=["1"], name=["a", "b", ""], path=["$.a", "$.b", ""], key=["$.id", ""], date=["$.at"])
    )
    assert (answer.status_code, answer["Location"]) == (303, HERE)
    made = CustomDataType.objects.get()
    assert made.configuration == {
        "dataSource": "/expenses",
        "requiredData": {"a": "$.a", "b": "$.b"},
        "keyBy": ["$.id"],
        "sourceModifiedDate": ["$.at"],
        "optionalData": ["b"],
    }
    assert said(ana.get(HERE)) == [("success", "expenses is saved. Read it over a connection next.")]


def test_rows_are_added_and_removed_with_and_without_scripts(ana):
    make_integration()
    whole = page(ana.post(NEW, posted("add-data")))
    assert whole.one("h1").text == "New custom data type"
    assert [field["value"] for field in whole.all("input", name="name")] == ["myExpenseId", "myExpenseDetails", ""]
    assert [field["id"] for field in whole.all("input", autofocus="")] == ["id_name_2"]
    part = page(ana.post(NEW, posted("remove-data-0"), headers=SWAP))
    assert part.all("h1") == []
    assert [field["value"] for field in part.all("input", name="path")] == ["$.expenseDetails.notes"]
    assert [b["value"] for b in part.one("fieldset", id="rows-key").all("button")] == [
        "remove-key-0",
        "remove-key-1",
        "add-key",
    ]
    assert len(page(ana.post(NEW, posted("add-date", date=["$.at"]))).all("input", name="date")) == 2
    last = page(ana.post(NEW, posted("remove-key-0", key=["$.id"])))
    assert [field["value"] for field in last.all("input", name="key")] == [""]
    assert CustomDataType.objects.count() == 0


@pytest.mark.parametrize(
    ("members", "where", "words"),
    [
        ({"identifier": "a/b"}, "p", "An identifier has 1 to 80 letters"),
        ({"source": ""}, "p", "dataSource is required."),
        ({"key": [""]}, "div", "keyBy needs at least one path."),
        ({"name": ["a", "a"]}, "p", "a stands there twice; each name is given once."),
        ({"name": ["a", ""]}, "p", "This row needs a name, or goes when it is removed."),
        ({"path": ["$.a", ""]}, "p", "This row needs a path, or goes when it is removed."),
        ({"key": ["$.a\0"]}, "p", "keyBy[0] holds a character that no database keeps."),
        ({"key": ["$.a"] * 21}, "div", "keyBy may hold 20 paths at most."),
    ],
)
def test_what_is_no_configuration_is_refused_beside_its_row(ana, members, where, words):
    make_integration()
    answer = ana.post(NEW, posted("save-anyway", **members))
    assert answer.status_code == 422
    kind = {"p": "field-error", "div": "notice"}[where]
    assert [e.text for e in page(answer).all(where, class_=kind) if e.text.startswith(words)] != []
    assert CustomDataType.objects.count() == 0


def test_warnings_come_before_the_save_and_can_be_overruled(ana):
    make_integration()
    sent = posted(path=["$.a", "$..b..c"], source="nowhere")
    answer = ana.post(NEW, sent)
    assert answer.status_code == 422
    shown = page(answer)
    assert shown.one("button", value="save-anyway").text == "Save anyway"
    beside = [p.text for p in shown.all("p", class_="field-warning")]
    assert beside[0] == "The data source nowhere does not begin with a slash, as in /v2/estimates."
    assert len(beside) == 2
    assert CustomDataType.objects.count() == 0
    assert ana.post(NEW, {**sent, "do": "save-anyway"}).status_code == 303
    assert CustomDataType.objects.get().configuration["dataSource"] == "nowhere"
    assert notices(ana.get(HERE))[0][1].startswith("Reads of it will most likely fail. dataSource: The data source")


def test_warnings_are_shown_while_one_writes(ana):
    make_integration()
    answer = ana.post(NEW, posted("check", key=["expenseId"]), headers=SWAP)
    found = page(answer).one("div", id="config-check").all("div", class_="notice")
    assert [(n["data-tone"], n.text) for n in found] == [
        ("warning", "expenseId: A path begins with $, as in $.name. (at character 1)")
    ]


def test_an_identifier_that_is_taken_is_not_written_over(ana):
    configured("Expenses", keyBy=["$.other"])
    answer = ana.post(NEW, posted())
    assert (answer.status_code, page(answer).one("p", class_="field-error").text) == (
        422,
        "Sandbox has Expenses already. Choose another identifier, or edit that one.",
    )
    assert CustomDataType.objects.get().configuration["keyBy"] == ["$.other"]


# --- changing one


def test_the_identifier_is_fixed_and_a_change_of_somebody_else_is_not_written_over_unseen(ana):
    made = configured()
    shown = page(ana.get(f"{HERE}edit/"))
    assert shown.all("input", name="identifier") == []
    seen = shown.one("input", name="seen")["value"]
    assert [field["value"] for field in shown.all("input", name="date")] == MY_EXPENSE_DATA["sourceModifiedDate"]

    configured(keyBy=["$.other"])
    answer = ana.post(f"{HERE}edit/", posted(identifier="renamed", seen=seen))
    assert (answer.status_code, notices(answer)) == (
        422,
        [
            (
                "error",
                "test has changed it since you opened it. What you wrote is kept here; save again to replace it.",
            )
        ],
    )
    again = page(answer).one("input", name="seen")["value"]
    assert ana.post(f"{HERE}edit/", posted(identifier="renamed", seen=again)).status_code == 303
    made.refresh_from_db()
    assert (made.identifier, made.configuration["keyBy"]) == ("expenses", ["$.expenseId", "$.accountId"])
    assert said(ana.get(HERE)) == [("success", "expenses is saved. The next read of each connection is full.")]


def test_one_is_copied_to_another_platform(ana):
    install_integrations()
    configured()
    links = [a["href"] for a in page(ana.get("/custom-data/new/?copy=mqjo/expenses")).one("ul", class_="grid").all("a")]
    assert "/custom-data/new/?platform=gbol&copy=mqjo/expenses" in links
    assert not [link for link in links if "platform=mqjo" in link]
    shown = page(ana.get("/custom-data/new/?platform=gbol&copy=mqjo/expenses"))
    assert [field["value"] for field in shown.all("input", name="key")] == MY_EXPENSE_DATA["keyBy"]
    ana.post("/custom-data/new/?platform=gbol&copy=mqjo/expenses", posted())
    assert set(CustomDataType.objects.values_list("integration__key", "identifier")) == {
        ("mqjo", "expenses"),
        ("gbol", "expenses"),
    }


# --- trying


def test_a_trial_shows_what_a_read_would_bring_and_stores_nothing(ana, lab, connection):
    lab.sizes(expenses=30)
    shown = page(ana.post(NEW, posted("try", connection=str(connection.pk)), headers=SWAP))
    assert shown.all("h1") == []
    trial = shown.one("section", class_="card trial")
    assert trial.one("h2").text == "What a read would bring"
    assert trial.one("span", class_="chip", data_tone="good").text == "works"
    assert trial.one("span", class_="request-code").text == "200"
    assert rows(trial.one("table", id="trial-columns")) == [
        ["myExpenseId $.expenseId", "30 of 30", "string 30"],
        ["myExpenseDetails $.expenseDetails.notes", "30 of 30", "string 30"],
    ]
    assert len(rows(trial.one("table", id="trial-rows"))) == 20
    facts = [dd.text for dd in trial.one("dl", class_="facts").all("dd")]
    assert facts == [
        "The records are the list expenses: 30 on the first page of 30.",
        "30",
        "Each row has one of its own.",
        "30 of 30 rows have one.",
    ]
    assert '"expenseId": "EXP-1"' in trial.all("pre", class_="sample")[0].text
    assert "authorization ***" in trial.text
    assert [model.objects.count() for model in (CustomDataType, Dataset, DataStatus)] == [0, 0, 0]
    told = Event.objects.get(kind="custom_data_type.tried")
    assert (told.connection_id, told.data) == (connection.pk, {"platform": "mqjo", "data_source": "/expenses"})


def test_a_trial_without_scripts_keeps_the_form(ana, lab, connection):
    lab.sizes(expenses=3)
    shown = page(ana.post(NEW, posted("try", name=["no"], path=["$.nothing"], key=["$.currency"])))
    assert shown.one("input", name="path")["value"] == "$.nothing"
    assert shown.one("section", class_="card trial").one("span", class_="chip", data_tone="warn").text == "look again"
    warned = [n.text for n in shown.one("section", class_="card trial").all("div", class_="notice")]
    assert warned == [
        "Found in no row: requiredData.no ($.nothing). A full read would end as FetchError. "
        "Correct the path, or tick “may be missing”."
    ]


def test_what_a_trial_fails_with_stands_in_its_place(ana, lab, connection):
    shown = page(ana.post(NEW, posted("try", source="/nowhere"), headers=SWAP))
    assert shown.one("div", role="alert").text.startswith("Sandbox does not answer for the data source /nowhere.")
    assert shown.one("span", class_="request-code").text == "404"
    refused = ana.post(NEW, posted("try", key=[""]), headers=SWAP)
    assert (refused.status_code, page(refused).one("div", class_="notice").text) == (
        422,
        "keyBy: keyBy needs at least one path.",
    )


def test_only_a_linked_connection_of_the_platform_is_tried(ana, lab):
    other = make_connection(make_company("Elsewhere"), integration=make_integration("gbol", name="Xero"))
    make_connection(make_company("Gone"), status=ConnectionStatus.UNLINKED, integration=lab.integration())
    shown = page(ana.get(NEW))
    assert (shown.all("select", name="connection"), shown.all("button", value="try")) == ([], [])
    answer = ana.post(NEW, posted("try", connection=str(other.pk)), headers=SWAP)
    assert answer.status_code == 422
    assert lab.requests("expenses") == []


# --- one in use


def test_the_detail_shows_the_connections_and_their_latest_reads(ana, lab, connection):
    made = configured()
    failed = make_connection(make_company("Failing"), integration=connection.integration, status="Deauthorized")
    make_dataset(failed, made.data_type, "FetchError", error_message="It answered 503.")
    make_connection(make_company("Never"), integration=connection.integration, status="Unlinked")
    shown = page(ana.get(HERE))
    assert rows(shown.one("table", id="kept-rows")) == [
        ["myExpenseId", "$.expenseId"],
        ["myExpenseDetails", "$.expenseDetails.notes"],
    ]
    assert [row[:4] for row in rows(shown.one("table", id="use-rows"))] == [
        ["Failing", "Deauthorized", "FetchError It answered 503.", "—"],
        ["Harbour Bakery", "Linked", "not read yet", "—"],
    ]
    assert ["disabled" in b.attributes for b in shown.one("table", id="use-rows").all("button")] == [True, False]


@pytest.mark.parametrize("count", [1, 3])
def test_the_detail_takes_the_same_queries_for_one_and_three(ana, count, django_assert_num_queries):
    made = configured()
    for _ in range(count):
        make_dataset(make_connection(), made.data_type, "Complete")
    with django_assert_num_queries(7):  # session, user, platform, type, count, page, statuses
        ana.get(HERE)


def test_a_read_is_queued_and_its_records_can_be_read(ana, lab, connection, run_queue):
    lab.sizes(expenses=3)
    configured()
    answer = ana.post(f"{HERE}read/", {"connection": [str(connection.pk)]})
    assert answer["Location"] == HERE
    shown = page(ana.get(HERE))
    assert shown.one("div", class_="messages").text == "1 read is queued."
    live = shown.one("section", id="uses")
    assert live["hx-trigger"] == "every 3s"
    url = f"{HERE}{live['hx-get']}"
    assert ana.get(url, headers=SWAP).status_code == 204
    run_queue()
    after = page(ana.get(url, headers=SWAP))
    assert "hx-trigger" not in after.one("section", id="uses").attributes
    assert rows(after.one("table", id="use-rows"))[0][2:4] == ["Complete", "3"]
    history = ana.get("/data/history/?type=custom/expenses")
    assert b"custom/expenses" in history.content
    records = page(ana.get(f"/connections/{connection.pk}/data/custom/expenses/"))
    assert len(rows(records.one("table", id="record-rows"))) == 3
    assert page(ana.get(HERE)).one("a", href=f"/connections/{connection.pk}/data/custom/expenses/").text == "3"


def test_what_cannot_be_read_is_named_and_the_others_go_on(ana, lab, connection):
    configured()
    lost = make_connection(make_company("Lost"), integration=connection.integration, status="Deauthorized")
    foreign = make_connection(make_company("Foreign"), integration=make_integration("gbol"))
    ana.post(f"{HERE}read/", {"connection": [str(one.pk) for one in (connection, lost, foreign)] + ["x"]})
    tone, words = said(ana.get(HERE))[0]
    assert tone == "warning"
    assert words.startswith("1 read is queued. Lost: Data connection")
    assert list(Dataset.objects.values_list("connection_id", flat=True)) == [connection.pk]
    ana.post(f"{HERE}read/")
    assert said(ana.get(HERE)) == [("warning", "Choose at least one connection to read.")]


def test_deleting_says_what_stays_and_keeps_it(ana, lab, connection, run_queue):
    lab.sizes(expenses=3)
    made = configured()
    ana.post(f"{HERE}read/", {"connection": [str(connection.pk)]})
    run_queue()
    asked = page(ana.get(f"{HERE}delete/")).one("form", class_="confirm")
    assert "What was read of it stays readable (3 records over 1 connection)." in asked.text
    answer = ana.post(f"{HERE}delete/")
    assert answer["Location"] == LIST
    assert [ana.get(f"{HERE}{more}").status_code for more in ("", "edit/", "delete/")] == [404, 404, 404]
    records = page(ana.get(f"/connections/{connection.pk}/data/custom/expenses/"))
    assert len(rows(records.one("table", id="record-rows"))) == 3
    ana.post(NEW, posted(identifier="EXPENSES"))
    made.refresh_from_db()
    assert (made.identifier, made.deleted_at) == ("expenses", None)


def test_hostile_words_stay_words(ana, lab, connection):
    nasty = '"><script>alert(1)</script>{{ 7|add:7 }}'
    delete_custom_data_type(make_integration(), configured().identifier, actor="test")
    configured(requiredData={nasty: f"$['{nasty}']"}, dataSource=f"/x?{nasty}")
    for url in (LIST, HERE, f"{HERE}edit/", f"{HERE}delete/", f"{NEW}&copy=mqjo/expenses"):
        shown = page(ana.get(url))
        assert [one.attributes.get("src", "")[:8] for one in shown.all("script")] == ["/static/"] * len(
            shown.all("script")
        ), url
        assert "14" not in shown.one("main").text, url
    assert ana.get("/custom-data/mqjo/%00/").status_code == 404
    assert ana.get(f"{LIST}?q=%00&platform=%00").status_code == 200


# --- read by itself


def test_a_type_is_read_by_itself_once_somebody_says_so(ana):
    found = configured()
    shown = page(ana.get(HERE)).one("section", id="reading")
    assert "checked" not in shown.one("input", type="checkbox").attributes
    ana.post(f"{HERE}schedule/", {"fetch_on_first_link": "on", "sync_schedule_hours": "168"})
    assert said(ana.get(HERE)) == [("success", "Saved.")]
    found.refresh_from_db()
    assert (found.fetch_on_first_link, found.sync_schedule_hours) == (True, 168)
    shown = page(ana.get(HERE)).one("section", id="reading")
    assert shown.one("option", selected="")["value"] == "168"


@pytest.mark.parametrize("hours", ["", "1", "7", "-1", "weekly"])
def test_no_frequency_but_one_of_those_offered_is_taken(ana, settings, hours):
    settings.HEADRACE_ALLOW_HOURLY = False
    found = configured()
    ana.post(f"{HERE}schedule/", {"sync_schedule_hours": hours})
    found.refresh_from_db()
    assert (found.fetch_on_first_link, found.sync_schedule_hours) == (False, 0)
