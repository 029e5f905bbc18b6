"""Each sync setting, set over the wire, changes what is really asked: the platform's own log of requests says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from syncengine.actions.datasets import queue_first_reads
from syncengine.actions.due import queue_due
from syncengine.actions.sync_settings import lock_sync_setting
from syncengine.datatypes import DATA_TYPES
from syncengine.models import SourceRequest
from tests.factories import make_company
from tests.portal.api.test_sync_settings import save, setting

pytestmark = pytest.mark.django_db
PATHS = {"invoices": "/api/v1/invoices", "bills": "/api/v1/bills", "customers": "/api/v1/customers"}


class Shop:
    """A linked company, and what the platform is asked on its behalf."""

    def __init__(self, wire, lab, run_queue):
        self.wire, self.lab, self.run_queue = wire, lab, run_queue
        self.company = make_company()
        self.connection = lab.connection(self.company)

    def refresh(self, data_type):
        assert self.wire("POST", f"/companies/{self.company.pk}/data/queue/{data_type}").status_code == 200
        return self.asked()

    def asked(self):
        """Run what waits, and return (path, query) of each request, oldest first, by both logs."""
        self.lab.control("DELETE", "requests")
        SourceRequest.objects.all().delete()
        self.run_queue()
        heard = [(request["path"], request["query"]) for request in self.lab.requests("/api/")]
        assert len(heard) == SourceRequest.objects.count()
        return heard


@pytest.fixture
def shop(wire, lab, run_queue):
    lab.sizes(invoices=20, bills=20)
    return Shop(wire, lab, run_queue)


@pytest.fixture(params=["client", "company"])
def set_to(request, wire, shop):
    """Set as the deployment's default, or as the company's own while the default says otherwise."""

    def put(*settings):
        target = None if request.param == "client" else shop.company
        assert save(wire, target, *settings).status_code == 204

    return put


def only(*wanted):
    """Have only these types fetched on first link, in this order."""
    return [
        setting(key, fetchOnFirstLink=key in wanted, syncOrder=wanted.index(key) if key in wanted else 50)
        for key in DATA_TYPES
    ]


def paths(asked):
    return list(dict.fromkeys(path for path, _ in asked))


@pytest.mark.parametrize("order", [("invoices", "bills", "customers"), ("customers", "bills", "invoices")])
@pytest.mark.parametrize("through", ["data/all", "first link"])
def test_fetch_on_first_link_and_sync_order_say_what_is_asked_and_when(shop, set_to, wire, order, through):
    set_to(*only(*order))
    if through == "first link":
        queue_first_reads(shop.connection)
    else:
        assert wire("POST", f"/companies/{shop.company.pk}/data/all").status_code == 204
    assert paths(shop.asked()) == [PATHS[key] for key in order]


def test_without_fetch_on_first_link_nothing_is_asked(shop, set_to, wire):
    set_to(*only())
    assert wire("POST", f"/companies/{shop.company.pk}/data/all").status_code == 204
    assert shop.asked() == []


def test_a_schedule_asks_again_when_its_hours_are_over(shop, set_to):
    set_to(setting(syncSchedule=24))
    shop.refresh("invoices")
    assert queue_due(now() + timedelta(hours=23)) == 0
    assert queue_due(now() + timedelta(hours=25.3)) == 1
    assert paths(shop.asked()) == [PATHS["invoices"]]
    set_to(setting(syncSchedule=0))
    assert queue_due(now() + timedelta(days=400)) == 0


def test_a_date_is_what_is_asked_from(shop, set_to):
    set_to(setting(syncFromUtc="2026-06-01T00:00:00Z"))
    assert {query.get("date_from") for _, query in shop.refresh("invoices")} == {"2026-06-01"}
    set_to(setting())
    asked = shop.refresh("invoices")
    assert {("date_from" in query, "updated_since" in query) for _, query in asked} == {(False, False)}


def test_a_window_is_asked_from_so_many_months_ago(shop, set_to):
    set_to(setting(syncFromWindow=3))
    asked = {query.get("date_from") for _, query in shop.refresh("invoices")}
    months_ago = now() - timedelta(days=3 * 30.4375)
    assert asked == {f"{months_ago:%Y-%m-%d}"}


def test_a_statement_is_asked_for_so_many_months(shop, set_to):
    set_to(setting("profitAndLoss", monthsToSync=5))
    assert {query["months"] for _, query in shop.refresh("profitAndLoss")} == {"5"}
    set_to(setting("profitAndLoss"))
    assert {query["months"] for _, query in shop.refresh("profitAndLoss")} == {"24"}


def test_a_locked_type_goes_on_being_asked_for_as_before(shop, wire):
    assert save(wire, None, setting("profitAndLoss", monthsToSync=5)).status_code == 204
    lock_sync_setting(None, "profitAndLoss", locked=True, actor="test")
    for target in (None, shop.company):
        assert save(wire, target, setting("profitAndLoss", monthsToSync=9)).status_code == 400
        assert {query["months"] for _, query in shop.refresh("profitAndLoss")} == {"5"}


def test_a_companys_own_settings_win_over_the_defaults_and_only_for_it(shop, wire, lab, run_queue):
    assert save(wire, None, setting(syncFromUtc="2026-01-01")).status_code == 204
    assert save(wire, shop.company, setting(syncFromUtc="2026-06-01")).status_code == 204
    other = Shop(wire, lab, run_queue)
    assert {query["date_from"] for _, query in shop.refresh("invoices")} == {"2026-06-01"}
    assert {query["date_from"] for _, query in other.refresh("invoices")} == {"2026-01-01"}
    assert save(wire, shop.company, overrides=False).status_code == 204
    assert {query["date_from"] for _, query in shop.refresh("invoices")} == {"2026-01-01"}
