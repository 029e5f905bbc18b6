"""Custom fields: the list, the matrix of one, made, edited, deleted and brought back."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from customdata.actions.custom_fields import create_custom_field, delete_custom_field
from customdata.actions.field_mappings import create_mapping, update_mapping
from customdata.coverage import measure_coverage
from customdata.models import CustomField, FieldCoverage, FieldMapping
from customdata.templatetags.customdata import percent
from syncengine.actions.datasets import queue_dataset
from tests.factories import make_company, make_connection, make_integration
from tests.portal.pages import page, rows, said

pytestmark = pytest.mark.django_db
LIST = "/custom-fields/"
NEW = "/custom-fields/new/"


def make_field(name="po_number", model="invoices", **fields):
    return create_custom_field(name, "ACCOUNTING", model, source=CustomField.Source.API, actor="test", **fields)


def here(field, more=""):
    return f"/custom-fields/{field.pk}/{more}"


def covered(mapping, connection, **figures):
    return FieldCoverage.objects.create(
        mapping=mapping,
        connection=connection,
        measured_at=now(),
        **{"json_path": mapping.json_path, "evaluated": 10, "resolved": 10, "kinds": {"string": 10}, **figures},
    )


# --- the list


def test_the_first_visit_says_what_a_field_and_a_mapping_are(ana, olga):
    shown = page(ana.get(LIST)).one("div", class_="empty")
    assert (shown.one("h2").text, shown.one("a")["href"]) == ("No custom fields yet", NEW)
    assert olga.get(LIST).status_code == 403


def test_the_list_shows_mappings_coverage_and_types(ana):
    one, other = make_connection(make_company("One")), make_connection(make_company("Other"))
    field = make_field(description="Purchase order")
    make_field("cost_center", "bills")
    shared = create_mapping(field, "po", actor="test", integration=one.integration)
    own = create_mapping(field, "order.no", actor="test", connection=other)
    covered(shared, one, resolved=4, null=6, kinds={"string": 4})
    covered(shared, other, resolved=0, missing=10, kinds={})  # void: that connection has a mapping of its own
    covered(own, other, resolved=10, kinds={"number": 9, "string": 1})
    assert [row[:5] for row in rows(page(ana.get(LIST)).one("table"))] == [
        ["cost_center", "Bills Accounting · API", "unmapped", "not measured", "—"],
        [
            "po_number Purchase order",
            "Invoices Accounting · API",
            "1 integration, 1 connection",
            "70 % 70 %",
            "number string",
        ],
    ]
    meter = page(ana.get(LIST)).one("meter")
    assert (meter["max"], meter["value"], meter["aria-label"]) == ("20", "14", "70 % of records")


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_for_one_and_three(ana, count, django_assert_num_queries):
    for number in range(count):
        connection = make_connection()
        mapping = create_mapping(make_field(f"field_{number}"), "po", actor="test", connection=connection)
        covered(mapping, connection)
    with django_assert_num_queries(8):  # session, user, count, page, mappings, sums, kinds, deleted
        ana.get(LIST)


def test_the_list_is_filtered_by_words_model_and_state(ana):
    connection = make_connection()
    good, wrong, fallen = make_field("good_one"), make_field("wrong_one"), make_field("fallen_one", "bills")
    make_field("bare_one")
    paths = {"good_one": {}, "wrong_one": {"resolved": 9, "invalid": 1}, "fallen_one": {"resolved": 5, "previous": 0.9}}
    for field in (good, wrong, fallen):
        mapping = create_mapping(field, "po", actor="test", connection=connection)
        covered(mapping, connection, **paths[field.name])

    def shown(query):
        found = page(ana.get(f"{LIST}?{query}"))
        return [row[0] for row in rows(found.one("table"))] if found.all("table") else []

    assert shown("show=unmapped") == ["bare_one"]
    assert shown("show=failing") == ["wrong_one"]
    assert shown("show=drifting") == ["fallen_one"]
    assert shown("q=GOOD") == ["good_one"]
    assert shown("model=ACCOUNTING/bills") == ["fallen_one"]
    assert shown("q=%00&model=%00&show=%00") == ["fallen_one", "bare_one", "good_one", "wrong_one"]
    empty = page(ana.get(f"{LIST}?q=zzz")).one("div", class_="empty")
    assert (empty["data-kind"], empty.one("a")["href"]) == ("filtered", LIST)
    update_mapping(FieldMapping.objects.get(field=wrong), "other", actor="test")
    assert shown("show=failing") == []


def test_a_long_list_is_paged(ana):
    for number in range(26):
        make_field(f"field_{number:02}")
    assert [row[0] for row in rows(page(ana.get(f"{LIST}?page=2")).one("table"))] == ["field_25"]


# --- made, edited, deleted


def test_a_field_is_made_here(ana):
    answer = ana.post(NEW, {"name": "po_number", "model": "ACCOUNTING/invoices", "description": " "})
    field = CustomField.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, here(field))
    assert (field.name, field.category, field.model, field.source, field.description) == (
        "po_number",
        "ACCOUNTING",
        "invoices",
        "DASHBOARD",
        None,
    )


@pytest.mark.parametrize(
    ("sent", "where", "words"),
    [
        ({"name": "PO Number"}, "id_name_error", "A name is snake_case"),
        ({"name": ""}, "id_name_error", "Enter a name."),
        ({"model": ""}, "id_model_error", "Choose a data type."),
        ({"model": "HRIS/employees"}, "id_model_error", "Select a valid choice."),
        ({"name": "taken_one"}, "id_name_error", "invoices has a custom field taken_one already."),
    ],
)
def test_what_is_no_field_is_refused_beside_its_member(ana, sent, where, words):
    make_field("taken_one")
    answer = ana.post(NEW, {"name": "po_number", "model": "ACCOUNTING/invoices", **sent})
    assert answer.status_code == 422
    assert page(answer).one("div", id=where).text.startswith(words)
    assert CustomField.objects.count() == 1


def test_a_field_is_edited_and_its_model_stands_fast_once_it_is_mapped(ana):
    field = make_field()
    ana.post(here(field, "edit/"), {"name": "order_number", "model": "ACCOUNTING/bills", "description": "x"})
    field.refresh_from_db()
    assert (field.name, field.model, field.description) == ("order_number", "bills", "x")
    create_mapping(field, "po", actor="test", integration=make_integration())
    assert "disabled" in page(ana.get(here(field, "edit/"))).one("select", id="id_model").attributes
    ana.post(here(field, "edit/"), {"name": "po_number", "model": "ACCOUNTING/invoices"})
    field.refresh_from_db()
    assert (field.name, field.model) == ("po_number", "bills")


def test_a_deletion_says_what_goes_and_can_be_undone_for_seven_days(ana):
    field = make_field()
    create_mapping(field, "po", actor="test", integration=make_integration())
    asked = page(ana.get(here(field, "delete/"))).one("form", class_="confirm")
    assert "with its 1 mapping. For 7 days it can be brought back as it is." in asked.text
    ana.post(here(field, "delete/"))
    assert [ana.get(here(field, more)).status_code for more in ("", "edit/", "history/", "delete/")] == [404] * 4
    shown = page(ana.get(LIST))
    assert shown.one("ul", id="deleted-fields").one("span", class_="mono break").text == "po_number"
    answer = ana.post(here(field, "restore/"))
    assert (answer["Location"], said(ana.get(here(field)))) == (
        here(field),
        [("success", "po_number is back, with its mappings.")],
    )
    assert FieldMapping.objects.get().deleted_at is None


def test_a_deletion_that_cannot_be_undone_says_so(ana):
    field = make_field()
    delete_custom_field(field, actor="test")
    make_field()
    ana.post(here(field, "restore/"))
    assert said(ana.get(LIST)) == [("warning", "invoices has a custom field po_number already.")]
    CustomField.objects.filter(pk=field.pk).update(deleted_at=now() - timedelta(days=8))
    assert page(ana.get(LIST)).all("ul", id="deleted-fields") == []
    assert ana.post(here(field, "restore/"))["Location"] == LIST


# --- the matrix


def cells(shown, key="mqjo"):
    body = next(body for body in shown.one("table", id="matrix").all("tbody") if body["id"] == f"integration-{key}")
    found = [[part.text for part in row.parts if hasattr(part, "text")] for row in body.all("tr")]
    return [row[:4] for row in found]


def test_the_matrix_shows_inherited_overridden_and_none(ana, lab, connection, run_queue):
    lab.sizes(customers=60)
    field, bare = make_field("person_name", "customers"), make_field("bare_one", "customers")
    integration = connection.integration
    create_mapping(field, "person", actor="test", integration=integration)
    queue_dataset(connection, "customers", actor="test")
    run_queue()
    measure_coverage(connection, "customers")
    measured = FieldCoverage.objects.get()
    other = make_connection(make_company("Acme"), integration=integration)
    create_mapping(field, "no.such", actor="test", connection=other)
    shown = page(ana.get(here(field)))
    share = f"{percent(measured.resolved / measured.evaluated)} %"
    found = cells(shown)
    assert found[0][:2] == ["Sandbox 2 connections, 1 with a mapping of its own", "person"]
    assert found[1] == ["Acme", "overridden no.such", "not measured", "—"]
    assert found[2][:3] == ["Harbour Bakery", "inherited", f"{share} {share}"]
    assert found[2][3] not in ("—", "null", "INVALID_JSON_PATH")
    assert f"Found in {measured.resolved} of {measured.evaluated} records over 1 connection." in shown.text
    assert cells(page(ana.get(here(bare))))[1:] == [["Acme", "none", "—", "—"], ["Harbour Bakery", "none", "—", "—"]]


def test_the_matrix_warns_where_a_mapping_finds_nothing(ana):
    connection = make_connection(make_company("Acme"))
    field = make_field()
    mapping = create_mapping(field, "po", actor="test", connection=connection)
    row = covered(mapping, connection, resolved=0, missing=10, kinds={})
    assert page(ana.get(here(field))).one("span", class_="field-warning").text == "finds nothing"
    FieldCoverage.objects.filter(pk=row.pk).update(invalid=3, missing=7)
    assert page(ana.get(here(field))).one("span", class_="field-warning").text == "3 invalid"


def test_the_matrix_is_paged_and_filtered_by_integration(ana):
    field, integration = make_field(), make_integration()
    for number in range(26):
        make_connection(make_company(f"Company {number:02}"), integration=integration)
    make_connection(make_company("Other"), integration=make_integration("gbol", name="Xero"))
    first = page(ana.get(here(field)))
    assert (len(cells(first)), cells(first, "gbol")[0][0]) == (26, "Xero 1 connection")
    second = page(ana.get(f"{here(field)}?page=2"))
    assert [row[0] for row in cells(second)] == ["Sandbox 26 connections", "Company 25"]
    assert [row[0] for row in cells(second, "gbol")] == ["Xero 1 connection", "Other"]
    only = page(ana.get(f"{here(field)}?platform=gbol"))
    assert [body["id"] for body in only.one("table", id="matrix").all("tbody")] == ["integration-gbol"]
    assert page(ana.get(f"{here(field)}?platform=zzzz")).one("div", class_="empty")["data-kind"] == "filtered"


@pytest.mark.parametrize("count", [1, 3])
def test_the_matrix_takes_the_same_queries_for_one_and_three(ana, count, django_assert_num_queries):
    field = make_field()
    for _ in range(count):
        connection = make_connection()
        covered(create_mapping(field, "po", actor="test", connection=connection), connection)
    # session, user, field, count, page; three of the figures; matrix three; samples, counts
    with django_assert_num_queries(13):
        ana.get(here(field))


def test_an_analyst_sees_and_changes_nothing(client):
    from portal.models import Role
    from tests.factories import make_user

    field = make_field()
    make_connection(make_company("Acme"))
    client.force_login(make_user("ian@example.com", role=Role.ANALYST))
    shown = page(client.get(here(field)))
    assert shown.all("a", class_="button") == []
    assert page(client.get(LIST)).all("a", class_="button") == []
    assert client.get(here(field, "edit/")).status_code == 403


def test_hostile_words_stay_words(ana, lab, connection):
    nasty = '"><script>alert(1)</script>{{ 7|add:7 }}'
    field = make_field(description=nasty)
    mapping = create_mapping(field, nasty, actor="test", integration=connection.integration)
    update_mapping(mapping, f"{nasty}2", actor=nasty[:100])
    paths = ("", "edit/", "delete/", "history/", "integrations/mqjo/", f"connections/{connection.pk}/")
    for url in (LIST, *(here(field, more) for more in paths)):
        answer = ana.get(url)
        assert answer.status_code == 200, url
        shown = page(answer)
        assert [one for one in shown.all("script") if not one.attributes.get("src", "").startswith("/static/")] == []
        assert ("alert(1)" in shown.text) is not url.endswith("/delete/"), url


@time_machine.travel("2026-11-22 16:00:00Z", tick=False)
def test_times_and_people_stand_beside_a_change(ana):
    field = make_field()
    facts = page(ana.get(here(field))).one("dl", class_="facts").all("dd")
    assert [dd.text for dd in facts][2] == "just now by test, over the API"
