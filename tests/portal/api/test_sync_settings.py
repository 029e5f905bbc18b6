"""Sync settings over the wire: read, saved whole or not at all, and refused by member."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.models import DeploymentSettings
from syncengine.actions.sync_settings import catalogue_settings, lock_sync_setting, save_sync_settings
from syncengine.datatypes import DATA_TYPES
from syncengine.models import Event, SyncSetting
from tests.factories import make_company
from tests.portal.api.answers import empty, members_at_fault, refused, told

pytestmark = pytest.mark.django_db
CLIENT = "/profile/syncSettings"
SOME_TIME = "2024-01-31T09:30:00+01:00"


@pytest.fixture
def company(db):
    return make_company()


def of(company):
    return f"/companies/{company.pk}/syncSettings"


def setting(data_type="invoices", **members):
    order = list(DATA_TYPES).index(data_type) if data_type in DATA_TYPES else 0
    return {"dataType": data_type, "fetchOnFirstLink": True, "syncSchedule": 0, "syncOrder": order, **members}


def save(wire, company, *settings, overrides=True):
    who = {"clientId": "any"} if company is None else {"companyId": str(company.pk)}
    path = CLIENT if company is None else of(company)
    return wire("POST", path, {**who, "settings": list(settings), "overridesDefaults": overrides})


def shown(wire, company, data_type="invoices"):
    settings = told(wire.get(CLIENT if company is None else of(company)))["settings"]
    return next(row for row in settings if row["dataType"] == data_type)


def test_all_types_are_shown_in_sync_order(wire, company):
    body = told(wire.get(of(company)))
    assert [row["dataType"] for row in body["settings"]] == list(DATA_TYPES)
    assert (body["companyId"], body["overridesDefaults"]) == (str(company.pk), False)
    assert shown(wire, company, "profitAndLoss") == {
        "dataType": "profitAndLoss",
        "fetchOnFirstLink": True,
        "syncSchedule": 0,
        "syncOrder": list(DATA_TYPES).index("profitAndLoss"),
        "monthsToSync": 24,
        "isLocked": False,
    }
    client = told(wire.get(CLIENT))
    assert client.pop("clientId") == str(DeploymentSettings.load().client_id)
    assert client == {"settings": body["settings"], "overridesDefaults": False}


@pytest.mark.parametrize("level", ["client", "company"])
def test_every_member_is_kept_as_it_was_sent(wire, company, level):
    target = company if level == "company" else None
    sent = [
        setting("Invoices", fetchOnFirstLink=False, syncSchedule=24, syncOrder=99, syncFromUtc=SOME_TIME),
        setting("bills", syncFromWindow=12, syncFromUtc="0001-01-01T00:00:00"),
        setting("balanceSheet", monthsToSync=36, syncFromWindow=0),
        setting("customers", monthsToSync=36, syncFromUtc="2024-01-31"),
    ]
    assert empty(save(wire, target, *sent)) == (204, b"")
    expected = [
        sent[0] | {"dataType": "invoices", "syncFromUtc": "2024-01-31T08:30:00.000000Z"},
        setting("bills", syncFromWindow=12),
        setting("balanceSheet", monthsToSync=36),
        setting("customers", syncFromUtc="2024-01-31T00:00:00.000000Z"),
    ]
    for row in expected:
        assert shown(wire, target, row["dataType"]) == row | {"isLocked": False}
    assert told(wire.get(CLIENT if target is None else of(company)))["overridesDefaults"] is True


def test_what_a_setting_leaves_out_is_not_set_and_other_types_stay(wire, company):
    save(wire, company, setting(syncFromWindow=6), setting("bills", syncSchedule=24))
    save(wire, company, setting(syncSchedule=168))
    assert shown(wire, company) == setting(syncSchedule=168, isLocked=False)
    assert shown(wire, company, "bills") == setting("bills", syncSchedule=24, isLocked=False)


def test_what_is_shown_can_be_sent_back(wire, company):
    save(wire, company, setting(syncFromUtc="2024-02-29T12:00:00.1234567Z"), setting("bills", syncFromWindow=3))
    body = told(wire.get(of(company)))
    assert empty(wire("POST", of(company), body)) == (204, b"")
    assert told(wire.get(of(company))) == body


def test_a_companys_settings_outlive_a_change_of_the_default(wire, company):
    other = make_company()
    save(wire, company, setting(syncSchedule=0))
    save(wire, None, setting(syncSchedule=24))
    assert (shown(wire, company)["syncSchedule"], shown(wire, other)["syncSchedule"]) == (0, 24)
    assert told(wire.get(of(company)))["overridesDefaults"] is True
    assert told(wire.get(of(other)))["overridesDefaults"] is False


def test_without_overriding_the_level_above_holds_again(wire, company):
    save(wire, None, setting(syncSchedule=24))
    save(wire, company, setting(syncSchedule=720))
    assert empty(save(wire, company, setting(syncSchedule=1), overrides=False)) == (204, b"")
    assert (shown(wire, company)["syncSchedule"], told(wire.get(of(company)))["overridesDefaults"]) == (24, False)
    assert empty(save(wire, None, overrides=False)) == (204, b"")
    assert (shown(wire, company)["syncSchedule"], told(wire.get(CLIENT))["overridesDefaults"]) == (0, False)
    assert SyncSetting.objects.count() == len(catalogue_settings())


REFUSALS = [
    ({"dataType": "unicorns"}, "settings[1].dataType"),
    ({"dataType": "custom/x"}, "settings[1].dataType"),
    ({"dataType": "BILLS"}, "settings[1].dataType"),
    ({"dataType": 1}, "settings[1].dataType"),
    ({"dataType": None}, "settings[1].dataType"),
    ({"fetchOnFirstLink": "true"}, "settings[1].fetchOnFirstLink"),
    ({"fetchOnFirstLink": 1}, "settings[1].fetchOnFirstLink"),
    ({"syncSchedule": "24"}, "settings[1].syncSchedule"),
    ({"syncSchedule": 1.5}, "settings[1].syncSchedule"),
    ({"syncSchedule": True}, "settings[1].syncSchedule"),
    ({"syncSchedule": -1}, "settings[1].syncSchedule"),
    ({"syncSchedule": 10**30}, "settings[1].syncSchedule"),
    ({"syncOrder": None}, "settings[1].syncOrder"),
    ({"syncOrder": -1}, "settings[1].syncOrder"),
    ({"syncFromUtc": 5}, "settings[1].syncFromUtc"),
    ({"syncFromUtc": "yesterday"}, "settings[1].syncFromUtc"),
    ({"syncFromUtc": "2024-02-30"}, "settings[1].syncFromUtc"),
    ({"syncFromUtc": "9999-12-31T23:59:59-14:00"}, "settings[1].syncFromUtc"),
    ({"syncFromWindow": 241}, "settings[1].syncFromWindow"),
    ({"syncFromWindow": "12"}, "settings[1].syncFromWindow"),
    ({"syncFromUtc": "2024-01-01", "syncFromWindow": 3}, "settings[1].syncFromWindow"),
    ({"dataType": "balanceSheet", "monthsToSync": 0}, "settings[1].monthsToSync"),
    ({"dataType": "balanceSheet", "monthsToSync": "12"}, "settings[1].monthsToSync"),
    ({"isLocked": True}, "settings[1].isLocked"),
    ({"isLocked": "false"}, "settings[1].isLocked"),
]


@pytest.mark.parametrize(("members", "member"), REFUSALS)
@pytest.mark.parametrize("level", ["client", "company"])
def test_a_wrong_member_is_named_and_nothing_is_saved(wire, company, level, members, member):
    target = company if level == "company" else None
    response = save(wire, target, setting("bills", syncSchedule=24), setting(**members))
    assert (refused(response)[0], members_at_fault(response)) == (400, [member])
    assert not SyncSetting.objects.exists()
    assert not Event.objects.filter(kind__startswith="sync_setting").exists()


@pytest.mark.parametrize("missing", ["companyId", "settings", "overridesDefaults"])
def test_the_three_members_are_needed(wire, company, missing):
    body = {"companyId": str(company.pk), "settings": [], "overridesDefaults": True}
    response = wire("POST", of(company), {name: value for name, value in body.items() if name != missing})
    assert (refused(response)[0], members_at_fault(response)) == (400, [missing])


@pytest.mark.parametrize("missing", ["dataType", "fetchOnFirstLink", "syncSchedule", "syncOrder"])
def test_a_setting_is_sent_whole(wire, company, missing):
    response = save(wire, company, {name: value for name, value in setting().items() if name != missing})
    assert (refused(response)[0], members_at_fault(response)) == (400, [f"settings[0].{missing}"])


def test_the_company_in_the_body_is_the_one_in_the_path(wire, company):
    body = {"companyId": str(make_company().pk), "settings": [], "overridesDefaults": True}
    response = wire("POST", of(company), body)
    assert (refused(response)[0], members_at_fault(response)) == (400, ["companyId"])


@pytest.mark.parametrize("level", ["client", "company"])
def test_a_schedule_the_deployment_does_not_allow_is_told_as_402(wire, company, settings, level):
    target = company if level == "company" else None
    settings.HEADRACE_ALLOW_HOURLY = False
    response = save(wire, target, setting("bills", syncSchedule=24), setting(syncSchedule=1))
    assert refused(response) == (402, "SyncSettingsValidationException: Sync schedule not allowed")
    assert members_at_fault(response) == ["settings[1].syncSchedule"]
    assert not SyncSetting.objects.exists()


def test_a_schedule_that_was_allowed_once_may_be_sent_back(wire, company, settings):
    save(wire, company, setting(syncSchedule=1))
    settings.HEADRACE_ALLOW_HOURLY = False
    assert empty(save(wire, company, setting(syncSchedule=1, fetchOnFirstLink=False))) == (204, b"")
    assert shown(wire, company)["fetchOnFirstLink"] is False


@pytest.mark.parametrize("level", ["client", "company"])
def test_a_locked_type_is_shown_and_cannot_be_changed(wire, company, level):
    target = company if level == "company" else None
    save_sync_settings(None, {"invoices": {"sync_schedule_hours": 24}}, actor="test")
    lock_sync_setting(None, "invoices", locked=True, actor="test")
    locked = setting(syncSchedule=24, isLocked=True)
    assert shown(wire, target) == locked
    before = list(SyncSetting.objects.values())
    for members, member in (
        ({"syncSchedule": 0}, "isLocked"),
        ({"fetchOnFirstLink": False}, "isLocked"),
        ({"isLocked": False}, "isLocked"),
    ):
        response = save(wire, target, setting("bills", syncSchedule=24), locked | members)
        assert (refused(response)[0], members_at_fault(response)) == (400, [f"settings[1].{member}"])
    assert empty(save(wire, target, locked)) == (204, b"")
    assert list(SyncSetting.objects.values()) == before


def test_locked_defaults_are_not_reset_and_an_unlocked_one_is(wire):
    save_sync_settings(None, {"invoices": {"sync_schedule_hours": 24}}, actor="test")
    lock_sync_setting(None, "invoices", locked=True, actor="test")
    response = save(wire, None, overrides=False)
    assert (refused(response)[0], members_at_fault(response)) == (400, ["invoices.isLocked"])
    lock_sync_setting(None, "invoices", locked=False, actor="test")
    assert empty(save(wire, None, overrides=False)) == (204, b"")
    assert shown(wire, None)["syncSchedule"] == 0


@pytest.mark.parametrize("count", [1, 3])
def test_they_take_few_queries(wire, company, django_assert_num_queries, count):
    save(wire, company, *(setting(key, syncSchedule=24) for key in list(DATA_TYPES)[:count]))
    with django_assert_num_queries(3):  # key, company, settings
        told(wire.get(of(company)))
    with django_assert_num_queries(3):  # key, settings, deployment
        told(wire.get(CLIENT))


def test_the_defaults_are_not_for_a_key_of_one_company(wire_for, company):
    limited = wire_for("read", "sync", "admin", company_ids=[company.pk])
    assert refused(limited.get(CLIENT))[0] == 403
    assert refused(save(limited, None, setting(syncSchedule=24)))[0] == 403
    assert empty(save(limited, company, setting(syncSchedule=24))) == (204, b"")
    assert SyncSetting.objects.get().company_id == company.pk


def test_whoever_runs_the_deployment_locks_and_unlocks(wire, company):
    call_command("lock_data_type", "Invoices", "--company", str(company.pk), stdout=StringIO())
    assert (shown(wire, company)["isLocked"], shown(wire, None)["isLocked"]) == (True, False)
    call_command("lock_data_type", "invoices", "--company", str(company.pk), "--unlock", stdout=StringIO())
    assert shown(wire, company)["isLocked"] is False
    with pytest.raises(CommandError, match="unicorns is not a data type"):
        call_command("lock_data_type", "unicorns")
    with pytest.raises(CommandError, match="No company was found"):
        call_command("lock_data_type", "invoices", "--company", "11111111-1111-4111-8111-111111111111")
