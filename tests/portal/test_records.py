from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from portal.models import Role
from portal.record_columns import columns_for, heading, record_rows
from syncengine.datatypes import DATA_TYPES
from syncengine.models import DataStatus, Record
from syncengine.states import ConnectionStatus
from syncengine.states import DatasetStatus as S
from tests.factories import make_company, make_connection, make_dataset, make_record
from tests.portal.data_pages import HOSTILE, HTMX, Page, get, platform, sign_in, use_platforms

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _platforms(monkeypatch):
    use_platforms(monkeypatch, platform())


def url(connection, data_type="invoices", query=""):
    return reverse("record-list", args=[connection.pk, data_type]) + query


def shown(page):
    return [link.rpartition("record=")[2] for link in page.links() if "record=" in link]


@pytest.mark.parametrize("count", [1, 3])
def test_a_page_takes_five_queries(count, django_assert_num_queries):
    client = sign_in()
    connection = make_connection()
    for number in range(count):
        make_record(connection, f"r{number}")
    with django_assert_num_queries(5):  # session, user, connection, records, status
        page = get(client, url(connection))
    assert shown(page) == [f"r{number}" for number in range(count)]


def test_an_invoice_shows_what_an_operator_looks_for():
    connection = make_connection()
    content = {
        "id": "1",
        "invoiceNumber": "INV-7",
        "customerRef": {"id": "c", "companyName": "Müller & Co"},
        "issueDate": "2026-03-10T00:00:00Z",
        "totalAmount": 1234.5,
        "status": "Submitted",
        "lines": [{"a": 1}],
    }
    make_record(connection, "1", content=content)
    page = get(sign_in(), url(connection))
    assert [cell["data-label"] for cell in page.find("td")] == [
        "Invoice number",
        "Customer",
        "Issue date",
        "Total amount",
        "Status",
        "Modified",
    ]
    for words in ("INV-7", "Müller & Co", "2026-03-10", "1,234.50", "Submitted"):
        assert words in page.text


@pytest.mark.parametrize("data_type", sorted(DATA_TYPES))
def test_every_type_has_a_page_even_before_it_was_read(data_type):
    page = get(sign_in(), url(make_connection(), data_type))
    assert DATA_TYPES[data_type].label in page.text
    assert "Not read yet" in page.text


def test_a_type_nobody_knows_is_not_found_but_a_custom_one_that_was_read_is():
    client = sign_in()
    connection = make_connection()
    assert client.get(url(connection, "nonsense")).status_code == 404
    DataStatus.objects.create(connection=connection, data_type="custom/expense-claims")
    assert "custom/expense-claims" in get(client, url(connection, "custom/expense-claims")).text


def test_the_json_panel_stands_in_the_address():
    connection = make_connection()
    make_record(connection, "a/b?c&d", content={"name": HOSTILE})
    client = sign_in()
    [link] = [link for link in get(client, url(connection, query="?q=a")).links() if "record=" in link]
    response = client.get(url(connection) + link)
    page = Page(response)
    assert len(page.find("section", _class="json-panel", aria_label="a/b?c&d")) == 1
    assert "alert" in page.text
    assert b"<script>alert" not in response.content
    assert "?q=a" in page.links()


def test_a_record_that_is_not_there_says_so():
    assert "There is no record with the id nope." in get(sign_in(), url(make_connection(), query="?record=nope")).text


def test_closing_the_only_thing_in_the_address_leads_back_to_the_list():
    connection = make_connection()
    make_record(connection, "1")
    page = get(sign_in(), url(connection, query="?record=1"))
    [close] = page.find("a", aria_label="Close")
    assert close["href"] in ("?", url(connection))


def test_deleted_rows_are_marked_and_can_be_hidden():
    connection = make_connection()
    make_record(connection, "1")
    make_record(connection, "2", is_deleted=True)
    client = sign_in()
    page = get(client, url(connection))
    assert [("data-deleted" in row) for row in page.find("tr")] == [False, False, True]
    assert shown(get(client, url(connection, query="?deleted=hide"))) == ["1"]
    assert "Deleted at the platform" in get(client, url(connection, query="?record=2")).text


def test_search_keeps_its_words_and_has_its_own_empty_state():
    connection = make_connection()
    make_record(connection, "1", content={"note": "needle"})
    make_record(connection, "2", content={"note": "hay"})
    client = sign_in()
    page = get(client, url(connection, query="?q=needle"))
    assert [link.rpartition("=")[2] for link in page.links() if "record=" in link] == ["1"]
    assert page.find("input", id="q")[0]["value"] == "needle"
    assert get(client, url(connection, query="?q=nothing")).find("div", data_kind="filtered")


def test_paging_goes_on_by_id(monkeypatch):
    monkeypatch.setattr("portal.views.records.PAGE_SIZE", 2)
    connection = make_connection()
    for number in range(3):
        make_record(connection, str(number))
    client = sign_in()
    [link] = [found["href"] for found in get(client, url(connection)).find("a", rel="next")]
    page = get(client, url(connection) + link)
    assert "record=2" in " ".join(page.links())
    assert "Back to the first" in page.text


@pytest.mark.parametrize(
    ("good", "latest", "next_sync", "words"),
    [
        (False, None, None, "No good read so far."),
        (True, S.COMPLETE, None, "Last good read 2 h ago. No further read is scheduled."),
        (True, S.COMPLETE, 3, "Next read in 2 h"),
        (True, S.FETCH_ERROR, None, "the read after it failed, and this is still the data from before"),
    ],
)
def test_a_sentence_says_how_fresh_it_is(good, latest, next_sync, words):
    connection = make_connection()
    if latest:
        make_dataset(connection, status=latest)
    DataStatus.objects.update_or_create(
        connection=connection,
        data_type="invoices",
        defaults={
            "last_successful_sync_at": now() - timedelta(hours=2) if good else None,
            "next_sync_at": now() + timedelta(hours=next_sync) if next_sync else None,
        },
    )
    assert words in get(sign_in(), url(connection)).text.replace(" .", ".")


def test_a_good_read_without_records_says_that_there_are_none():
    connection = make_connection()
    make_dataset(connection, status=S.COMPLETE)
    assert "The platform has none" in get(sign_in(), url(connection)).text


def test_only_a_linked_connection_offers_a_read():
    connection = make_connection()
    client = sign_in()
    queue = reverse("dataset-queue", args=[connection.pk, "invoices"])
    assert get(client, url(connection)).find("form", action=queue)
    connection.status = ConnectionStatus.DEAUTHORIZED
    connection.save()
    assert get(client, url(connection)).find("form", action=queue) == []


def test_the_company_leads_to_its_first_connection_or_the_named_one():
    company = make_company()
    first, second = make_connection(company), make_connection(company)
    make_record(first, "one")
    make_record(second, "two")
    client = sign_in()
    here = reverse("company-record-list", args=[company.pk, "invoices"])
    assert shown(get(client, here)) == ["one"]
    assert shown(get(client, f"{here}?connection={second.pk}")) == ["two"]
    assert client.get(f"{here}?connection={make_connection(make_company()).pk}").status_code == 404
    assert client.get(f"{here}?connection=x").status_code == 404


def test_a_swap_gets_the_results_alone():
    page = get(sign_in(), url(make_connection()), **HTMX)
    assert (len(page.find("div", id="results")), page.find("main")) == (1, [])


def test_who_may_not_see_data_does_not(client):
    connection = make_connection()
    assert sign_in(Role.ONBOARDING).get(url(connection)).status_code == 403
    assert client.get(url(connection)).status_code == 302
    gone = make_connection(make_company(deleted_at=now()))
    assert sign_in().get(url(gone)).status_code == 404


@pytest.mark.parametrize("query", ["?after=zz", "?record=%00", "?q=%00", "?after=&q="])
def test_nonsense_in_the_address_never_fails(query):
    assert sign_in().get(url(make_connection(), query=query)).status_code == 200


# --- columns and cells ---


@pytest.mark.parametrize("content", [None, [], "text", 7, {}])
def test_content_of_any_shape_makes_a_row(content):
    columns = columns_for("custom/x", [content])
    [row] = record_rows([Record(source_id="1", content=content)], columns)
    assert (columns, row.cells) == ((), ())


def test_unknown_types_show_their_first_scalars():
    contents = [{"id": "1", "lines": [], "a.b": "dotted", "count": 3}, {"paid": True}]
    columns = columns_for("custom/x", contents)
    rows = record_rows([Record(source_id="1", content=content) for content in contents], columns)
    assert columns == ("a.b", "count", "paid")
    assert [[cell.text for cell in row.cells] for row in rows] == [["dotted", "3", ""], ["", "", "yes"]]


def test_long_text_is_cut_and_nested_values_become_json():
    record = Record(source_id="1", content={"a": "x" * 200, "b": {"c": "é"}})
    [row] = record_rows([record], ["a", "b"])
    assert [cell.text for cell in row.cells] == ["x" * 79 + "…", '{"c": "é"}']


def test_headings_are_words():
    assert [heading(path) for path in ("invoiceNumber", "customerRef.companyName", "invoiceItem.unitPrice", "id")] == [
        "Invoice number",
        "Customer",
        "Invoice item unit price",
        "Id",
    ]
