"""Supplemental data (codat contract, section 12): configured over the API, read with the next full read."""

from __future__ import annotations

import pytest

from customdata.models import SupplementalData
from customdata.supplemental import DATA_TYPES, Supplement, read_supplemental
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Event, Record
from syncengine.states import DatasetStatus, ReadMode
from tests.customdata.conftest import _sandbox_server, at_source, connection, lab
from tests.factories import make_company, make_integration
from tests.portal.api.answers import members_at_fault, refused, told
from tests.syncengine.lab import BUSINESS

__all__ = ["_sandbox_server", "at_source", "connection", "lab"]

pytestmark = pytest.mark.django_db

PATH = "/integrations/mqjo/dataTypes/customers/supplementalDataConfig"
CONFIG = {
    "supplementalDataConfig": {
        "contact-details": {
            "dataSource": "/customers",
            "pullData": {"city": "addresses.billing.city", "whole": "addresses.billing", "nothing": "no.such"},
        }
    }
}
NONE = {"supplementalDataConfig": {}}


@pytest.fixture
def read(connection, run_queue):
    def go(data_type="customers", mode=""):
        dataset = queue_dataset(connection, data_type, actor="test", mode=mode)
        run_queue()
        dataset.refresh_from_db()
        return dataset

    return go


def supplements(wire, connection):
    path = f"/companies/{connection.company_id}/data/customers?pageSize=500"
    return {row["id"]: row.get("supplementalData") for row in told(wire.get(path))["results"]}


def test_it_is_configured_read_changed_and_taken_away(wire, lab, connection, read, at_source):
    lab.sizes(customers=60)
    read()
    assert told(wire.get(PATH)) == NONE
    assert told(wire("PUT", PATH, CONFIG)) == CONFIG
    assert told(wire.get(PATH)) == CONFIG
    assert set(supplements(wire, connection).values()) == {None}

    dataset = read()
    assert (dataset.status, dataset.mode) == (DatasetStatus.COMPLETE, ReadMode.FULL)
    shown = supplements(wire, connection)
    for key in list(shown)[:3]:
        billing = at_source("customers", key)["addresses"]["billing"]
        content = {"city": billing["city"], "whole": billing, "nothing": None}
        assert shown[key] == {"content": {"contact-details": content}}
    assert None not in shown.values()

    again = read()
    assert (again.mode, again.changed_count) == (ReadMode.INCREMENTAL, 0)
    lab.control("PATCH", f"businesses/{BUSINESS}/customers/records/3", {"addresses": {"billing": {"city": "Oslo"}}})
    assert read().changed_count == 1
    city = supplements(wire, connection)["cus_00000003"]["content"]["contact-details"]["city"]
    assert city == "Oslo"

    assert told(wire("PUT", PATH, NONE)) == NONE
    assert (read().mode, set(supplements(wire, connection).values())) == (ReadMode.FULL, {None})
    assert not SupplementalData.objects.exists()
    kinds = Event.objects.filter(kind="supplemental_data.changed").order_by("pk")
    assert [event.data["configuration"] for event in kinds] == [CONFIG["supplementalDataConfig"], {}]


def test_deleted_records_have_none(wire, lab, connection, read):
    lab.sizes(customers=60)
    told(wire("PUT", PATH, CONFIG))
    read()
    lab.control("DELETE", f"businesses/{BUSINESS}/customers/records/3")
    read()
    record = Record.objects.get(source_id="cus_00000003")
    assert record.is_deleted
    path = f"/companies/{connection.company_id}/data/customers/cus_00000003"
    body = told(wire.get(path))
    assert body["metadata"] == {"isDeleted": True}


def test_a_change_of_what_is_only_written_does_not_make_a_read_full(wire, lab, read):
    lab.sizes(customers=60)
    told(wire("PUT", PATH, CONFIG))
    read()
    pushed = {"contact-details": {**CONFIG["supplementalDataConfig"]["contact-details"], "pushData": {"x": "person"}}}
    assert told(wire("PUT", PATH, {"supplementalDataConfig": pushed})) == {"supplementalDataConfig": pushed}
    assert read().mode == ReadMode.INCREMENTAL


def test_a_dataset_goes_on_by_what_it_began_with(wire, lab, connection, run_queue):
    lab.sizes(customers=60)
    told(wire("PUT", PATH, CONFIG))
    dataset = queue_dataset(connection, "customers", actor="test")
    run_queue()
    dataset.refresh_from_db()
    assert dataset.settings_used["supplemental_data"] == CONFIG["supplementalDataConfig"]


def test_the_vendors_examples_leave_the_outer_name_out(wire):
    make_integration()
    bare = CONFIG["supplementalDataConfig"]
    assert told(wire("PUT", PATH, bare)) == CONFIG
    assert told(wire("PUT", PATH, {})) == NONE


def test_what_will_be_null_is_warned_of_and_refused_when_strict(wire):
    make_integration()
    config = {"supplementalDataConfig": {"a": {"dataSource": "/Contacts", "pullData": {"b": "x..y", "c": "ok"}}}}
    warnings = [
        {
            "itemId": "supplementalDataConfig.a.dataSource",
            "message": "/Contacts is not where these records come from (/customers): its values will be null.",
        },
        {
            "itemId": "supplementalDataConfig.a.pullData.b",
            "message": "x..y is no member; write Name or Path.With.Dots.",
        },
    ]
    assert told(wire("PUT", PATH, config)) == {**config, "warnings": warnings}
    assert told(wire("PUT", PATH, NONE)) == NONE
    response = wire("PUT", f"{PATH}?strict=true", config)
    assert (response.status_code, members_at_fault(response)) == (400, [one["itemId"] for one in warnings])
    assert told(wire.get(PATH)) == NONE


@pytest.mark.parametrize(
    ("body", "words", "members"),
    [
        ([], "The configuration must be a JSON object.", []),
        ({"supplementalDataConfig": []}, "supplementalDataConfig must be an object of named objects.", [""]),
        ({"a": 1}, "supplementalDataConfig.a must be an object with dataSource and pullData.", [".a"]),
        (
            {"a": {}},
            "supplementalDataConfig.a.dataSource must be the platform's endpoint, as a text.",
            [".a.dataSource"],
        ),
        (
            {"a": {"dataSource": "/x", "pullData": []}},
            "supplementalDataConfig.a.pullData must be an object of names and the platform's members.",
            [".a.pullData"],
        ),
        (
            {"a": {"dataSource": "/x", "pullData": {"b": {"c": "d"}}}},
            "supplementalDataConfig.a.pullData.b must be the name of the platform's member, as a text.",
            [".a.pullData.b"],
        ),
        ({"": {"dataSource": "/x"}}, "A name in supplementalDataConfig has 1 to 200 characters.", [""]),
        (
            {str(number): {"dataSource": "/x"} for number in range(21)},
            "supplementalDataConfig may hold 20 objects at most.",
            [""],
        ),
        ({"a": {"dataSource": "/" * 2001}}, "supplementalDataConfig.a.dataSource may have 2000 characters at most.",
         [".a.dataSource"]),
    ],
)  # fmt: skip
def test_what_is_no_configuration_is_refused_by_name(wire, body, words, members):
    make_integration()
    response = wire("PUT", PATH, body)
    assert refused(response) == (400, words)
    assert members_at_fault(response) == [f"supplementalDataConfig{member}" for member in members]
    assert not SupplementalData.objects.exists()


def test_only_the_contracts_types_and_known_platforms_have_it(wire):
    make_integration()
    assert len(DATA_TYPES) == 21
    for data_type in ("payments", "custom", "nothing"):
        path = f"/integrations/mqjo/dataTypes/{data_type}/supplementalDataConfig"
        for method in ("GET", "PUT"):
            assert refused(wire(method, path, CONFIG)) == (404, f"Datatype {data_type} not supported")
    assert refused(wire.get(PATH.replace("mqjo", "zzzz"))) == (404, "No integration was found with key zzzz")
    assert told(wire.get("/integrations/MQJO/datatypes/CUSTOMERS/supplementaldataconfig")) == NONE


def test_configuring_needs_the_deployments_rights(wire_for):
    make_integration()
    assert refused(wire_for("read").get(PATH))[0] == 403
    limited = wire_for(company_ids=[make_company().pk])
    assert refused(limited("PUT", PATH, CONFIG))[0] == 403
    assert told(wire_for("read", rights=["custom_data.read"]).get(PATH)) == NONE


def test_values_of_any_kind_are_found_where_the_steps_lead():
    config = read_supplemental(
        {"o": {"dataSource": "/V1/Things?x=1", "pullData": {"a": "A.b", "i": "l.1", "w": ".", "z": "A.b.c"}}}
    )
    raw = {"A": {"b": 0}, "l": [1, None]}
    found = {"content": {"o": {"a": 0, "i": None, "w": None, "z": None}}}
    assert Supplement(config, "/api/things").of(raw) == found
    assert Supplement(config, "/others").of(raw) == {"content": {"o": dict.fromkeys("aiwz")}}
    assert Supplement(config, "").of({**raw, "l": [1, [2]]})["content"]["o"]["i"] == [2]
