"""A key that is limited to one company: every other one looks exactly like one that never was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils.timezone import now

from portal.api.root import api
from syncengine.models import Company, Connection, Dataset, SyncSetting
from tests.factories import make_company, make_connection, make_dataset
from tests.portal.api.answers import anonymous, told

pytestmark = pytest.mark.django_db
MISSING = "11111111-1111-4111-8111-111111111111"

type Body = Callable[[str], Any]


def settings_of(company: str) -> Any:
    return {"companyId": company, "settings": [], "overridesDefaults": True}


# Every operation of these routers below a company, with a body that would do something.
OPERATIONS: list[tuple[str, str, Body | None]] = [
    ("GET", "/companies/{company}", None),
    ("PUT", "/companies/{company}", lambda _: {"name": "Mine now"}),
    ("PATCH", "/companies/{company}", lambda _: {"name": "Mine now"}),
    ("DELETE", "/companies/{company}", None),
    ("GET", "/companies/{company}/connections", None),
    ("POST", "/companies/{company}/connections", lambda _: {"platformKey": "mqjo"}),
    ("GET", "/companies/{company}/connections/{connection}", None),
    ("PATCH", "/companies/{company}/connections/{connection}", lambda _: {"status": "Unlinked"}),
    ("DELETE", "/companies/{company}/connections/{connection}", None),
    ("PUT", "/companies/{company}/connections/{connection}/authorization", lambda _: {"accessToken": "x"}),
    ("POST", "/companies/{company}/data/all", None),
    ("POST", "/companies/{company}/data/queue/invoices", None),
    ("GET", "/companies/{company}/dataStatus", None),
    ("GET", "/companies/{company}/data/history", None),
    ("GET", "/companies/{company}/data/history/{dataset}", None),
    ("GET", "/companies/{company}/sync/{dataset}/validation", None),
    ("GET", "/companies/{company}/syncSettings", None),
    ("POST", "/companies/{company}/syncSettings", settings_of),
    ("PUT", "/companies/{company}/products/lending", None),
    ("DELETE", "/companies/{company}/products/lending", None),
    ("POST", "/companies/{company}/products/lending/refresh", None),
    ("GET", "/companies/{company}/accessToken", None),
    ("GET", "/companies/{company}/connectionManagement/accessToken", None),
    ("POST", "/companies/{company}/connections/{connection}/data/queue/custom/claims", None),
    ("GET", "/companies/{company}/connections/{connection}/data/custom/claims", None),
]


class Place:
    """The ids of one company, one of its connections and one of its reads."""

    def __init__(self, company: Any, connection: Any, dataset: Any) -> None:
        self.ids = {"company": str(company), "connection": str(connection), "dataset": str(dataset)}

    def ask(self, wire: Any, method: str, path: str, body: Body | None) -> tuple[int, bytes]:
        status, content = anonymous(wire(method, path.format(**self.ids), body(self.ids["company"]) if body else None))
        for name, key in self.ids.items():
            content = content.replace(key.encode(), name.encode())
        return status, content


def place(company: Company | None = None) -> Place:
    dataset = make_dataset(make_connection(company or make_company(products=["lending"])), status="Complete")
    return Place(dataset.company_id, dataset.connection_id, dataset.pk)


@pytest.fixture
def limited(wire_for):
    mine = make_company("Mine")
    return wire_for("read", "sync", "push", "admin", company_ids=[mine.pk])


def contents() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Company, Connection, Dataset, SyncSetting)]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    OPERATIONS,
    ids=lambda part: part if isinstance(part, str) else "with a body" if part else "bare",
)
def test_a_foreign_company_a_deleted_one_and_none_answer_the_same_bytes(wire, limited, method, path, body):
    foreign, deleted = place(), place(make_company(deleted_at=now()))
    before = contents()
    missing = Place(MISSING, MISSING, MISSING).ask(wire, method, path, body)
    assert missing[0] == 404
    for who, where in ((limited, foreign), (limited, deleted), (wire, deleted), (limited, Place(*3 * [MISSING]))):
        assert where.ask(who, method, path, body) == missing
    assert contents() == before


CONNECTION_PATHS = [operation for operation in OPERATIONS if "{connection}" in operation[1]]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    CONNECTION_PATHS,
    ids=lambda part: part if isinstance(part, str) else "with a body" if part else "bare",
)
def test_a_connection_of_another_company_looks_like_none(wire, method, path, body):
    mine, foreign = place(), place()
    gone = place()
    Connection.objects.filter(pk=gone.ids["connection"]).update(deleted_at=now())
    before = contents()
    missing = Place(mine.ids["company"], MISSING, MISSING).ask(wire, method, path, body)
    assert missing[0] == 404
    assert Place(mine.ids["company"], foreign.ids["connection"], MISSING).ask(wire, method, path, body) == missing
    assert gone.ask(wire, method, path, body) == missing
    assert contents() == before


def test_lists_hold_only_what_the_key_sees(wire_for):
    mine, other = make_company("Mine"), make_company("Other")
    for company in (mine, other):
        make_dataset(make_connection(company))
    limited = wire_for("read", company_ids=[mine.pk])
    body = told(limited.get("/companies"))
    assert [row["name"] for row in body["results"]] == ["Mine"]
    assert told(limited.get("/companies?query=name=Other"))["results"] == []
    assert told(limited.get("/metrics/companies"))["allTimeLinked"] == 1


def test_every_operation_below_a_company_is_tried_here():
    names = ("companies", "connections", "refresh", "history", "sync_settings", "products", "access_tokens")
    routers = {f"portal.api.{name}" for name in names}
    routers |= {"customdata.api.custom_data_types", "customdata.api.custom_data_records"}
    declared = {
        (method, "/" + path.strip("/"))
        for _, router in api()._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
        if operation.view_func.__module__ in routers and "{company_id}" in path
    }
    ids = {"company_id": "{company}", "connection_id": "{connection}", "dataset_id": "{dataset}"}
    ids |= {"product_identifier": "lending", "data_type": "invoices", "custom_data_identifier": "claims"}
    assert {(method, path.format(**ids)) for method, path in declared} == {
        (method, path) for method, path, _ in OPERATIONS
    }
