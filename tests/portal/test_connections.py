from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from portal.models import Role
from syncengine.actions.integrations import install_integrations
from syncengine.models import Connection, DataStatus, Integration, SyncSetting
from syncengine.queries.keepalive import lapse_warnings
from syncengine.states import DatasetStatus
from tests.factories import make_company, make_connection, make_dataset, make_user
from tests.portal.pages import page, said

SWAP = {"HX-Request": "true"}


@pytest.fixture
def catalogue(db: None) -> None:
    install_integrations()


def test_choose_lists_enabled_platforms(ana: Client, catalogue: None) -> None:
    company = make_company()
    Integration.objects.exclude(key="mqjo").update(enabled=False)
    found = page(ana.get(f"/companies/{company.pk}/connect/"))
    cards = found.one("div", class_="grid").all("article")
    assert [card.one("h2").text for card in cards] == ["Sandbox"]
    assert cards[0].one("form")["action"] == f"/companies/{company.pk}/connect/mqjo/"


def test_choose_when_nothing_is_enabled(ana: Client, catalogue: None) -> None:
    Integration.objects.update(enabled=False)
    empty = page(ana.get(f"/companies/{make_company().pk}/connect/")).one("div", data_kind="first-use")
    assert empty.one("h2").text == "No integration is enabled"


@pytest.mark.parametrize("key", ["zzzz", "gbol"])
def test_a_platform_that_is_unknown_or_switched_off_cannot_be_connected(ana: Client, catalogue: None, key: str) -> None:
    Integration.objects.update_or_create(
        key="gbol", defaults={"name": "Off", "source_type": "Accounting", "enabled": False}
    )
    company = make_company()
    assert ana.post(f"/companies/{company.pk}/connect/{key}/").status_code == 404
    assert list(Connection.objects.all()) == []


def test_connection_fields_are_asked_for_and_checked(ana: Client, catalogue: None) -> None:
    company = make_company()
    integration = next(
        i for i in Integration.objects.all() if _fields(i.key) and any(field.required for field in _fields(i.key))
    )
    url = f"/companies/{company.pk}/connect/{integration.key}/"
    found = page(ana.get(url))
    assert [label.text for label in found.one("main").all("label", class_="field-label")] == [
        field.label + ("" if field.required else " (optional)") for field in _fields(integration.key)
    ]
    response = ana.post(url, {})
    needed = [field for field in _fields(integration.key) if field.required and not field.default]
    assert response.status_code == 422
    assert [page(response).one("div", id=f"id_{field.name}_error").text for field in needed] == [
        f"{field.label} is needed." for field in needed
    ]
    assert list(Connection.objects.all()) == []


def _fields(key: str) -> Any:
    from syncengine.connectors.registry import platforms

    return platforms()[key].connection_fields


def test_unlink(ana: Client) -> None:
    connection = make_connection(make_company("Acme"))
    asked = page(ana.get(f"/connections/{connection.pk}/unlink/", headers=SWAP))
    assert asked.one("h2").text == "Unlink Sandbox?"
    response = ana.post(f"/connections/{connection.pk}/unlink/")
    connection.refresh_from_db()
    assert (response.status_code, connection.status) == (303, "Unlinked")
    assert said(ana.get(response["Location"])) == [("success", "Sandbox is unlinked. Its data stays readable.")]
    again = ana.post(f"/connections/{connection.pk}/unlink/")
    assert said(ana.get(again["Location"])) == [
        ("warning", "Only a linked connection can be unlinked; this one is Unlinked.")
    ]


def test_delete_needs_the_platforms_name(ana: Client) -> None:
    connection = make_connection()
    url = f"/connections/{connection.pk}/delete/"
    refused = ana.post(url, {"typed": "sandbox"})
    assert (refused.status_code, page(refused).one("div", id="id_typed_error").text) == (
        422,
        "This is not the name. Type it exactly as shown.",
    )
    ana.post(url, {"typed": "Sandbox"})
    connection.refresh_from_db()
    assert connection.deleted_at is not None
    assert ana.get(url).status_code == 404


def test_refresh_one_type_answers_the_live_grid(ana: Client) -> None:
    connection = make_connection()
    response = ana.post(f"/connections/{connection.pk}/refresh/invoices/", headers=SWAP)
    live = page(response).one("div", id="company-grid")
    assert (response.status_code, live["hx-trigger"]) == (200, "every 3s")
    assert connection.datasets.get().data_type == "invoices"


def test_refresh_of_a_running_type_is_refused_with_the_row_as_it_stands(ana: Client) -> None:
    connection = make_connection()
    running = make_dataset(connection, "invoices", DatasetStatus.FETCHING)
    response = ana.post(f"/connections/{connection.pk}/refresh/invoices/", headers=SWAP)
    assert response.status_code == 409
    assert str(running.pk) in response["HX-Trigger"]
    badge = page(response).one("tr", data_type="invoices").one("span", class_="status-badge")
    assert badge.text == "Fetching"
    without = ana.post(f"/connections/{connection.pk}/refresh/invoices/")
    assert said(ana.get(without["Location"]))[0][0] == "warning"


def test_cancelling_one_type(ana: Client) -> None:
    connection = make_connection()
    dataset = make_dataset(connection, "invoices", DatasetStatus.QUEUED)
    response = ana.post(f"/connections/{connection.pk}/stop/invoices/", headers=SWAP)
    dataset.refresh_from_db()
    badge = page(response).one("tr", data_type="invoices").one("span", class_="status-badge")
    assert (response.status_code, dataset.status, badge.text) == (200, "Cancelled", "Cancelled")
    again = ana.post(f"/connections/{connection.pk}/stop/invoices/", headers=SWAP)
    assert (again.status_code, "ended already" in again["HX-Trigger"]) == (409, True)


@pytest.mark.parametrize("data_type", ["nonsense", "Robert'); DROP TABLE", "x" * 300])
def test_refresh_of_an_unknown_type_is_refused(ana: Client, data_type: str) -> None:
    connection = make_connection()
    response = ana.post(f"/connections/{connection.pk}/refresh/{data_type}/")
    assert said(ana.get(response["Location"])) == [("warning", f"{data_type} is not a data type.")]
    assert list(connection.datasets.all()) == []


def lapsing_connection() -> Connection:
    used = now() - timedelta(days=50)
    return make_connection(last_used_at=used, linked_at=used)


def test_a_lapsing_authorisation_shows_its_date_and_one_click_fixes_it(ana: Client) -> None:
    connection = lapsing_connection()
    url = f"/companies/{connection.company_id}/"
    lapses_at = lapse_warnings(connection.company)[0].lapses_at
    notice = page(ana.get(url)).one("div", class_="notice")
    assert notice.one("strong").text == f"The authorisation will lapse on {lapses_at:%-d %b %Y} UTC."

    response = ana.post(notice.one("form")["action"])

    setting = SyncSetting.objects.get(company=connection.company)
    assert (setting.data_type, setting.sync_schedule_hours) == ("company", 720)
    assert DataStatus.objects.get(connection=connection, data_type="company").next_sync_at <= now()
    assert said(ana.get(response["Location"])) == [
        ("success", "Company is now read monthly. That keeps the authorisation alive.")
    ]
    assert page(ana.get(url)).all("div", class_="notice") == []


def test_keep_alive_never_makes_a_schedule_rarer(ana: Client) -> None:
    connection = lapsing_connection()
    SyncSetting.objects.create(company=connection.company, data_type="company", sync_schedule_hours=24)
    ana.post(f"/connections/{connection.pk}/keep-alive/")
    assert SyncSetting.objects.get(company=connection.company).sync_schedule_hours == 24


def test_keep_alive_of_a_locked_setting_says_so(ana: Client) -> None:
    connection = lapsing_connection()
    SyncSetting.objects.create(company=connection.company, data_type="company", is_locked=True)
    response = ana.post(f"/connections/{connection.pk}/keep-alive/")
    assert said(ana.get(response["Location"])) == [("warning", "This data type is locked and cannot be changed.")]


def test_people_who_may_not_change_settings_are_told_who_may(db: None, client: Client) -> None:
    connection = lapsing_connection()
    client.force_login(make_user(role=Role.ANALYST))
    notice = page(client.get(f"/companies/{connection.company_id}/")).one("div", class_="notice")
    assert (notice.all("form"), "A developer of this portal" in notice.text) == ([], True)
