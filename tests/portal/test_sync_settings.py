from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.urls import reverse
from django.utils.timezone import now

from portal.forms.sync_settings import HOURLY_REFUSED, SettingsMatrix
from portal.models import Role
from syncengine.actions.sync_settings import effective_settings
from syncengine.datatypes import DATA_TYPES
from syncengine.models import SyncSetting
from tests.factories import make_company
from tests.portal.data_pages import Page, get, platform, sign_in, use_platforms

pytestmark = pytest.mark.django_db
URL = "/settings/data-types/"
LAST_YEAR = datetime(2025, 1, 31, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _platforms(monkeypatch):
    use_platforms(monkeypatch, platform(), platform("book", "Books", types={}))


def company_url(company):
    return reverse("company-sync-settings", args=[company.pk])


def cells(data_type, **changed):
    """The form data of one row: what a browser sends for the catalogue's own setting, with some of it changed."""
    kind = DATA_TYPES[data_type]
    sent = {
        "types": data_type,
        "sync_schedule_hours": "0",
        "sync_from_utc": "",
        "sync_from_window_months": "",
        **({"fetch_on_first_link": "on"} if kind.fetch_on_first_link else {}),
        **({"months_to_sync": "24"} if kind.statement else {}),
        **changed,
    }
    return {
        name if name == "types" else f"{data_type}-{name}": value for name, value in sent.items() if value is not None
    }


def saved():
    return {
        (row.company_id, row.data_type): (row.fetch_on_first_link, row.sync_schedule_hours)
        for row in SyncSetting.objects.all()
    }


@pytest.mark.parametrize("company_count", [1, 3])
def test_the_matrix_shows_every_type_in_four_queries(company_count, django_assert_num_queries):
    client = sign_in()
    for number in range(company_count):
        SyncSetting.objects.create(company=make_company(str(number)), data_type="invoices", sync_schedule_hours=24)
    with django_assert_num_queries(4):  # session, user, settings, overrides
        page = get(client, URL)
    assert {row["id"] for row in page.find("tr") if row.get("id")} == {f"setting-{key}" for key in DATA_TYPES}
    assert f"{company_count} compan{'y' if company_count == 1 else 'ies'}" in page.text
    assert [found["id"] for found in page.find("h2")] == ["group-accounting", "group-banking", "group-commerce"]
    assert "1 of 2" in page.text


def test_frequencies_are_words_and_weekly_is_recommended():
    SyncSetting.objects.create(data_type="invoices", sync_schedule_hours=6)
    page = get(sign_in(), URL + "?q=invoices")
    assert [(option["value"], "selected" in option) for option in page.find("option")] == [
        ("0", False),
        ("1", False),
        ("6", True),
        ("24", False),
        ("168", False),
        ("720", False),
    ]
    for words in ("None", "Hourly", "Every 6 hours", "Daily", "Weekly (recommended)", "Monthly"):
        assert words in page.text


def test_hourly_is_disabled_with_the_reason_where_it_is_not_allowed(settings):
    settings.HEADRACE_ALLOW_HOURLY = False
    client = sign_in()
    page = get(client, URL + "?q=invoices")
    assert [option["title"] for option in page.find("option", value="1") if "disabled" in option] == [HOURLY_REFUSED]
    response = client.post(URL, cells("invoices", sync_schedule_hours="1"))
    assert (response.status_code, saved()) == (422, {})
    assert HOURLY_REFUSED in Page(response).text


def test_one_save_stores_what_changed_and_only_that():
    client = sign_in()
    rows = {**cells("invoices", sync_schedule_hours="24"), **cells("bills", fetch_on_first_link=None), **cells("items")}
    rows["types"] = ["invoices", "bills", "items"]
    response = client.post(URL, rows, follow=True)
    assert response.redirect_chain == [(URL, 303)]
    assert "Saved for 2 data types." in Page(response).text
    assert saved() == {(None, "invoices"): (True, 24), (None, "bills"): (False, 0)}


def test_an_untouched_page_saves_nothing():
    client = sign_in()
    everything = {}
    for key in DATA_TYPES:
        everything |= cells(key)
    everything["types"] = list(DATA_TYPES)
    response = client.post(URL, everything, follow=True)
    assert "Nothing was changed, so nothing was saved." in Page(response).text
    assert saved() == {}


def test_rows_that_were_not_shown_stay_as_they_are():
    SyncSetting.objects.create(data_type="bills", sync_schedule_hours=168)
    sign_in().post(URL + "?q=invoices", cells("invoices", sync_schedule_hours="24"))
    assert saved() == {(None, "bills"): (True, 168), (None, "invoices"): (True, 24)}


@pytest.mark.parametrize(
    ("key", "cell", "value", "words"),
    [
        ("invoices", "sync_schedule_hours", "7", "Select a valid choice"),
        ("invoices", "sync_schedule_hours", "", "Choose how often."),
        ("invoices", "sync_from_utc", "yesterday", "Enter a day as 2026-03-31."),
        ("invoices", "sync_from_utc", "9000-01-01", "The day lies in the future"),
        ("invoices", "sync_from_window_months", "-1", "greater than or equal to 0"),
        ("invoices", "sync_from_window_months", "9999", "less than or equal to 240"),
        ("invoices", "sync_from_window_months", "x", "Enter a whole number."),
        ("balanceSheet", "months_to_sync", "0", "greater than or equal to 1"),
    ],
)
def test_an_error_stands_at_its_cell_and_nothing_is_half_saved(key, cell, value, words):
    rows = {**cells("bills", sync_schedule_hours="24"), **cells(key, **{cell: value})}
    rows["types"] = ["bills", key]
    response = sign_in().post(URL, rows)
    page = Page(response)
    assert (response.status_code, saved()) == (422, {})
    assert words in page.text
    assert "Nothing was saved. 1 cell needs another look." in page.text
    [found] = list(page.find("", aria_invalid="true"))
    assert (found["name"], found.get("value")) == (f"{key}-{cell}", None if cell == "sync_schedule_hours" else value)
    assert page.find("", name="bills-sync_schedule_hours")


def test_a_day_and_a_window_together_are_refused():
    response = sign_in().post(URL, cells("invoices", sync_from_utc="2025-01-31", sync_from_window_months="3"))
    assert (response.status_code, saved()) == (422, {})
    assert "Set a day or a number of months, not both." in Page(response).text


def test_a_row_with_an_error_is_shown_whatever_was_searched():
    response = sign_in().post(URL + "?q=bills", cells("invoices", sync_schedule_hours="7"))
    assert "setting-invoices" in {row.get("id") for row in Page(response).find("tr")}


def test_how_far_back_is_saved_and_said():
    client = sign_in()
    client.post(URL, cells("invoices", sync_from_utc="2025-01-31"))
    assert SyncSetting.objects.get().sync_from_utc == LAST_YEAR
    assert "From 31 Jan 2025 UTC" in get(client, URL).text
    client.post(URL, cells("invoices", sync_from_utc="", sync_from_window_months="12"))
    setting = SyncSetting.objects.get()
    assert (setting.sync_from_utc, setting.sync_from_window_months) == (None, 12)
    assert "Last 12 months" in get(client, URL).text


def test_a_time_of_day_that_came_over_the_api_survives():
    SyncSetting.objects.create(data_type="invoices", sync_from_utc=LAST_YEAR + timedelta(hours=5))
    matrix = SettingsMatrix(effective_settings(None), _query(cells("invoices", sync_from_utc="2025-01-31")))
    assert (matrix.is_valid(), matrix.changes()) == (True, {})


def _query(data):
    query = QueryDict(mutable=True)
    for name, value in data.items():
        query[name] = value
    return query


def test_locked_rows_are_shown_and_cannot_be_changed():
    SyncSetting.objects.create(data_type="invoices", sync_schedule_hours=24, is_locked=True)
    client = sign_in()
    page = get(client, URL + "?q=invoices")
    named = [found for found in page.elements if (found[1].get("name") or "").startswith("invoices-")]
    assert [(tag, "disabled" in found) for tag, found in named] == [
        ("input", True),
        ("select", True),
        ("input", True),
        ("input", True),
    ]
    assert "locked" in page.text
    client.post(URL, cells("invoices", sync_schedule_hours="168"))
    assert saved() == {(None, "invoices"): (True, 24)}


def test_a_company_inherits_until_it_overrides():
    company = make_company()
    client = sign_in()
    page = get(client, company_url(company))
    assert (page.text.count("inherits"), page.text.count("overridden")) == (len(DATA_TYPES) + 1, 0)
    response = client.post(company_url(company), cells("invoices", sync_schedule_hours="24"), follow=True)
    assert saved() == {(company.pk, "invoices"): (True, 24)}
    assert Page(response).text.count("overridden") == 1


def test_a_company_can_go_back_to_the_defaults():
    company = make_company()
    SyncSetting.objects.create(company=company, data_type="invoices", sync_schedule_hours=24)
    client = sign_in()
    reset = reverse("company-sync-settings-reset", args=[company.pk])
    assert get(client, company_url(company)).find("form", action=reset)
    response = client.post(reset)
    assert (response.status_code, response["Location"], saved()) == (303, company_url(company), {})


def test_the_filter_finds_names_and_keys_and_says_when_nothing_matches():
    client = sign_in()
    rows = {row["id"] for row in get(client, URL + "?q=CREDIT").find("tr") if row.get("id")}
    assert rows == {"setting-billCreditNotes", "setting-creditNotes"}
    assert get(client, URL + "?q=zzz").find("div", data_kind="filtered")


def test_only_developers_and_above_come_here(client):
    company = make_company()
    analyst = sign_in(Role.ANALYST)
    for url in (URL, company_url(company)):
        assert (analyst.get(url).status_code, client.get(url).status_code) == (403, 302)
    assert analyst.post(URL, cells("invoices", sync_schedule_hours="24")).status_code == 403
    assert analyst.post(reverse("company-sync-settings-reset", args=[company.pk])).status_code == 403
    assert saved() == {}
    assert sign_in(Role.DEVELOPER).get(URL).status_code == 200


def test_settings_of_a_deleted_company_are_not_found():
    assert sign_in().get(company_url(make_company(deleted_at=now()))).status_code == 404
