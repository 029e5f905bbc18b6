"""Mapping a custom field: the picker and its preview, saving, promoting, removing, the history."""

from __future__ import annotations

import pytest

from customdata.actions.custom_fields import create_custom_field
from customdata.actions.field_mappings import create_mapping, delete_mapping, update_mapping
from customdata.models import CustomField, FieldMapping, FieldMappingChange, RawRecord
from customdata.raw_records import newest_raw
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Event
from tests.factories import make_company, make_connection, make_integration
from tests.portal.pages import page, rows, said

pytestmark = pytest.mark.django_db
SWAP = {"HX-Request": "true"}


@pytest.fixture
def field(db):
    return create_custom_field(
        "person_name", "ACCOUNTING", "customers", source=CustomField.Source.DASHBOARD, actor="test"
    )


@pytest.fixture
def read(lab, connection, run_queue):
    """The sandbox's customers, some of them kept as samples."""
    lab.sizes(customers=60)
    queue_dataset(connection, "customers", actor="test")
    run_queue()
    return newest_raw(connection, "customers", 20)


def for_integration(field, query=""):
    return f"/custom-fields/{field.pk}/integrations/mqjo/{query}"


def for_connection(field, connection, query=""):
    return f"/custom-fields/{field.pk}/connections/{connection.pk}/{query}"


def preview(client, url):
    answer = client.get(url, headers={**SWAP, "HX-Target": "preview"})
    assert answer.status_code == 200
    return page(answer).one("div", id="preview")


def saved(client, url, json_path, seen="", **more):
    return client.post(url, {"json_path": json_path, "seen": seen, **more})


def counts(shown):
    return {
        tile.parts[0].text: int(tile.parts[1].text) for tile in shown.one("div", id="counts").all("div", class_="tile")
    }


# --- the record to pick from


def test_the_tree_writes_the_quoted_expression_of_each_value(ana, field, connection, read):
    raw = RawRecord.objects.order_by("-kept_at", "-id").first()
    shown = page(ana.get(for_integration(field)))
    picks = {a["data-expression"]: a for a in shown.one("ul", class_="tree").all("a", class_="tree-pick")}
    assert set(read[0]) <= set(picks)
    assert shown.one("select", id="id_record").all("option")[0]["value"] == raw.source_id
    assert shown.one("select", id="id_connection").all("option")[0].text == "Harbour Bakery"
    assert picks["person"]["href"] == f"/custom-fields/{field.pk}/integrations/mqjo/?json_path=person"
    nested = [expression for expression in picks if "." in expression]
    assert nested != []
    told = Event.objects.get(kind="raw_data.viewed")
    assert (told.connection_id, told.data) == (connection.pk, {"data_type": "customers", "record_count": 1})


def test_a_value_is_found_by_searching(ana, field, connection, read):
    person = read[7]["person"]
    shown = page(ana.get(for_integration(field), {"q": person.upper()}, headers={**SWAP, "HX-Target": "tree"}))
    assert shown.all("h1") == []
    matches = [a["data-expression"] for a in shown.all("a", class_="tree-pick") if "data-match" in a.attributes]
    assert "person" in matches
    none = page(ana.get(for_integration(field), {"q": "zzzzz"}, headers={**SWAP, "HX-Target": "tree"}))
    assert none.one("div", id="tree").text == "No kept record holds “zzzzz” in a name or a value."


def test_another_record_is_opened_by_its_id_or_where_nothing_is_found(ana, field, connection, read):
    wrong = RawRecord.objects.order_by("kept_at", "id").first()

    def opened(**query):
        shown = page(ana.get(for_connection(field, connection), query))
        return [o["value"] for o in shown.one("select", id="id_record").all("option") if "selected" in o.attributes]

    assert opened(record=wrong.source_id) == [wrong.source_id]
    last = read[-1]["id"]
    assert opened(record=last, pick="failing", json_path=f"(id != '{last}' || null) && person") == [last]
    assert len(opened(pick="random")) == 1
    assert opened(record="gone") == opened()


def test_before_the_first_read_a_made_up_record_stands_in(ana, field, connection):
    shown = page(ana.get(for_connection(field, connection)))
    assert "This is a made-up one" in shown.one("div", class_="notice").text
    assert shown.one("ul", class_="tree").all("a", class_="tree-pick") != []
    assert Event.objects.filter(kind="raw_data.viewed").count() == 0
    bare = make_connection(integration=make_integration("tryt", name="Tryton"))
    assert "No record is kept yet." in page(ana.get(for_connection(field, bare))).one("div", id="tree").text


# --- the preview


def test_the_preview_counts_over_the_newest_records_of_every_connection(ana, field, connection, read):
    make_connection(make_company("Acme"), integration=connection.integration)
    own = make_connection(make_company("Own"), integration=connection.integration)
    create_mapping(field, "other", actor="test", connection=own)
    shown = preview(ana, for_integration(field, "?json_path=person"))
    resolved = sum(1 for raw in read if raw.get("person") is not None)
    null = sum(1 for raw in read if "person" in raw and raw["person"] is None)
    assert counts(shown) == {
        "Resolved": resolved,
        "Null": null,
        "Not there": len(read) - resolved - null,
        "Invalid": 0,
    }
    assert f"string {resolved}" in shown.text
    assert shown.one("p", id="impact").text == (
        "This save changes 2 connections. 1 will show a value, 0 will resolve to nothing, and of 1 no record is kept "
        "yet. 1 with a mapping of its own stays as it is."
    )
    assert [row[0] for row in rows(shown.one("table", id="preview-rows"))] == ["Harbour Bakery", "Acme"]
    values = [dd.text for dd in shown.one("dl", id="examples").all("dd")]
    assert values == [raw["person"] for raw in read if raw.get("person")][:6]
    assert Event.objects.filter(kind="raw_data.viewed").count() == 0


@pytest.mark.parametrize(
    ("json_path", "lint", "words"),
    [
        ("$.person", "not-compiling", "JMESPath has no $; write person."),
        ("data.cost-center", "not-compiling", 'A name with a hyphen must stand in double quotes: "cost-center".'),
        ('a[?b=="c"] | [0]', "quotes-name-a-member", '"c" in double quotes is a member\'s name'),
        ("addresses[0].city", "relies-on-order", "[0] relies on the order of the list"),
        ("a[?b=='c']", "gives-a-list", "A filter gives a list even when it finds one"),
    ],
)
def test_lints_stand_under_the_character_meant(ana, field, connection, read, json_path, lint, words):
    shown = preview(ana, for_integration(field, "") + "?" + _query(json_path=json_path))
    notice = shown.one("div", data_lint=lint)
    assert notice.one("p").text.startswith(words)
    lines = notice.one("pre", class_="caret").parts[0].split("\n")
    assert (lines[0], lines[1].strip()) == (json_path, "^")
    assert len(lines[1]) <= len(json_path)


def _query(**members):
    from urllib.parse import urlencode

    return urlencode(members)


@pytest.mark.parametrize(
    "json_path",
    [
        "&person",
        "to_number('nan')",
        "a[::0]",
        "!" * 1001 + "a",
        "[" * 1000,
        "person\0",
        "sum(person)",
        "`" * 3,
        "@",
        "*.*.*",
    ],
)
def test_hostile_expressions_are_previewed_without_harm(ana, field, connection, read, json_path):
    preview(ana, for_integration(field) + "?" + _query(json_path=json_path))
    assert ana.get(for_integration(field) + "?" + _query(json_path=json_path)).status_code == 200


# --- saving


def test_what_was_previewed_is_saved_and_counts_at_once(ana, field, connection, read):
    url = for_integration(field)
    shown = page(ana.get(f"{url}?json_path=person"))
    form = shown.one("form", id="save")
    hidden = {i["name"]: i["value"] for i in form.all("input") if i["name"] != "csrfmiddlewaretoken"}
    assert hidden == {"json_path": "person", "seen": ""}
    answer = saved(ana, url, **hidden)
    assert (answer.status_code, answer["Location"]) == (303, f"/custom-fields/{field.pk}/")
    assert said(ana.get(answer["Location"])) == [("success", "Saved. It counts for 1 connection, at once.")]
    mapping = FieldMapping.objects.get()
    assert (mapping.integration, mapping.connection, mapping.json_path) == (connection.integration, None, "person")
    saved(ana, url, "display_name", "person")
    mapping.refresh_from_db()
    assert mapping.json_path == "display_name"


def test_a_connection_overrides_what_it_inherits(ana, field, connection, read):
    create_mapping(field, "person", actor="test", integration=connection.integration)
    shown = page(ana.get(for_connection(field, connection)))
    assert shown.one("textarea", id="id_json_path").text == "person"
    assert shown.one("p", id="impact").text.startswith("This save changes 1 connection.")
    saved(ana, for_connection(field, connection), "display_name")
    assert set(FieldMapping.objects.values_list("connection_id", "json_path")) == {
        (None, "person"),
        (connection.pk, "display_name"),
    }


def test_a_change_of_somebody_else_is_not_written_over_unseen(ana, field, connection):
    mapping = create_mapping(field, "person", actor="test", integration=connection.integration)
    update_mapping(mapping, "other", actor="bo")
    answer = saved(ana, for_integration(field), "third", "person")
    assert answer.status_code == 422
    shown = page(answer)
    assert shown.one("div", role="alert").text.startswith("This mapping was changed since you opened it.")
    assert shown.one("form", id="save").one("input", name="seen")["value"] == "other"
    mapping.refresh_from_db()
    assert mapping.json_path == "other"


def test_an_expression_that_cannot_be_used_is_saved_only_on_purpose(ana, field, connection):
    url = for_integration(field)
    answer = saved(ana, url, "$.person", do="save")
    assert (answer.status_code, FieldMapping.objects.count()) == (422, 0)
    assert page(answer).one("button", value="save-anyway").text == "Save it all the same"
    assert saved(ana, url, "$.person", do="save-anyway").status_code == 303
    assert [saved(ana, url, wrong, "$.person").status_code for wrong in ("", "a" * 1025)] == [422, 422]


# --- promoting, removing, the history


def test_a_mapping_is_promoted_in_one_step_after_saying_what_that_changes(ana, field, connection, read):
    other = make_connection(make_company("Acme"), integration=connection.integration)
    create_mapping(field, "old", actor="test", integration=connection.integration)
    mapping = create_mapping(field, "person", actor="test", connection=connection)
    url = f"/custom-fields/mappings/{mapping.pk}/promote/"
    asked = page(ana.get(url)).one("form", class_="confirm")
    assert asked.one("p", class_="soft").text == (
        "person becomes the mapping of Sandbox, and Harbour Bakery follows it, without a gap. This changes 1 other "
        "connection. They read old now. Of 1 looked at, 0 would show a value, 0 would not, and of 1 no record is kept."
    )
    assert ana.post(url)["Location"] == f"/custom-fields/{field.pk}/"
    living = FieldMapping.objects.filter(deleted_at=None)
    assert list(living.values_list("connection_id", "json_path")) == [(None, "person")]
    assert other.field_mappings.count() == 0
    assert ana.get(f"/custom-fields/mappings/{living.get().pk}/promote/").status_code == 404
    assert ana.get(url).status_code == 404


def test_removing_says_what_is_left(ana, field, connection):
    shared = create_mapping(field, "person", actor="test", integration=connection.integration)
    own = create_mapping(field, "other", actor="test", connection=connection)
    url = f"/custom-fields/mappings/{own.pk}/delete/"
    text = page(ana.get(url)).one("form", class_="confirm").one("p", class_="soft").text
    assert text == "person_name no longer reads other for Harbour Bakery on Sandbox. It follows Sandbox again: person."
    ana.post(url)
    assert list(FieldMapping.objects.filter(deleted_at=None)) == [shared]
    text = page(ana.get(f"/custom-fields/mappings/{shared.pk}/delete/")).one("form", class_="confirm").text
    assert "all connections to Sandbox. Its connections show the field no more" in text


def test_the_history_shows_what_differs_and_puts_it_back(ana, field, connection):
    mapping = create_mapping(field, "person", actor="test", integration=connection.integration)
    update_mapping(mapping, "person.name", actor="test")
    delete_mapping(mapping, actor="test")
    url = f"/custom-fields/{field.pk}/history/"
    changes = page(ana.get(url)).one("ol", id="changes").all("li")
    assert [change.one("p").text for change in changes] == [
        "Removed for all connections to Sandbox",
        "Changed for all connections to Sandbox",
        "Mapped for all connections to Sandbox",
    ]
    assert [(p.tag, p.text) for p in changes[1].all("ins")] == [("ins", ".name")]
    assert [len(change.all("form")) for change in changes] == [1, 1, 0]

    def put_back(number):
        change = FieldMappingChange.objects.order_by("-changed_at", "-id")[number]
        return ana.post(f"{url}{change.pk}/restore/")

    put_back(0)
    assert said(ana.get(url)) == [("success", "It reads person.name again.")]
    put_back(2)
    living = FieldMapping.objects.get(deleted_at=None)
    assert (living.json_path, living.integration) == ("person", connection.integration)
    ana.get(url)
    put_back(4)
    assert said(ana.get(url)) == [("warning", "There was no mapping before this change. Remove the mapping instead.")]


def test_nothing_is_put_back_over_a_connection_that_is_gone(ana, field, connection):
    mapping = create_mapping(field, "person", actor="test", connection=connection)
    update_mapping(mapping, "other", actor="test")
    connection.deleted_at = connection.linked_at
    connection.save()
    change = FieldMappingChange.objects.latest("changed_at")
    ana.post(f"/custom-fields/{field.pk}/history/{change.pk}/restore/")
    assert said(ana.get(f"/custom-fields/{field.pk}/history/"))[0][0] == "warning"
    mapping.refresh_from_db()
    assert mapping.json_path == "other"


@pytest.mark.parametrize("count", [1, 3])
def test_the_history_takes_the_same_queries_for_one_and_three(ana, field, count, django_assert_num_queries):
    for _ in range(count):
        create_mapping(field, "person", actor="test", connection=make_connection())
    with django_assert_num_queries(6):  # session, user, field, count, page, mappings
        ana.get(f"/custom-fields/{field.pk}/history/")


def test_an_empty_history_says_so(ana, field):
    empty = page(ana.get(f"/custom-fields/{field.pk}/history/")).one("div", class_="empty")
    assert empty.one("a")["href"] == f"/custom-fields/{field.pk}/"


def test_without_the_right_to_raw_data_there_is_no_picker(ana, field, connection, monkeypatch):
    from portal.access import RIGHTS
    from portal.models import Role

    monkeypatch.setitem(RIGHTS, "raw_data.view", Role.ADMINISTRATOR)
    ana.logout()
    from tests.factories import make_user

    ana.force_login(make_user("dev@example.com", role=Role.DEVELOPER))
    assert ana.get(for_integration(field)).status_code == 403
    shown = page(ana.get(f"/custom-fields/{field.pk}/"))
    assert [a for a in shown.all("a") if "/integrations/mqjo/" in a["href"]] == []
