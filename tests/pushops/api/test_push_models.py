"""The models of writes over the API (codat contract, section 13.1)."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from portal.api.description import description
from syncengine.connectors.registry import connector_for
from syncengine.models import Connection
from syncengine.states import ConnectionStatus
from tests.factories import make_company, make_connection, make_integration
from tests.portal.api.answers import anonymous, refused, told
from tests.pushops.api.conftest import MISSING, place

pytestmark = pytest.mark.django_db

NOMINAL_CODE = {
    "type": "String",
    "displayName": "Nominal Code",
    "description": "Identifier for the nominal account.",
    "required": True,
    "validation": {
        "warnings": [{"field": "NominalCode", "details": "Max length of 10 characters."}],
        "information": [],
    },
}


@pytest.fixture
def sandbox(db):
    return make_connection()


def model(wire, connection, data_type):
    return wire.get(f"{place(connection)}/options/{data_type}")


def test_the_model_of_an_account_is_the_contracts_example_to_the_letter(wire, sandbox):
    answer = told(model(wire, sandbox, "chartOfAccounts"))
    properties = answer.pop("properties")
    assert answer == {
        "type": "Object",
        "displayName": "Nominal Account",
        "description": "Nominal Accounts are the categories a business uses to record transactions",
        "required": True,
    }
    assert properties["nominalCode"] == NOMINAL_CODE
    [information] = properties["name"].pop("validation").pop("information")
    assert information["field"] == "Name"
    assert properties["name"] == {
        "type": "String",
        "displayName": "Name",
        "description": "Name of account as it appears in the chart of accounts or general ledger.",
        "required": True,
    }
    category = properties["fullyQualifiedCategory"]
    first, *_ = category.pop("options")
    assert first == {"value": "Asset.Current", "type": "String", "displayName": "Current Asset", "required": False}
    assert category == {
        "type": "String",
        "displayName": "Fully Qualified Category",
        "description": "Account type and category for nominal account.",
        "required": True,
    }
    required = [name for name, inner in properties.items() if inner["required"]]
    assert required == ["nominalCode", "name", "fullyQualifiedCategory"]


def test_every_type_that_can_be_written_has_a_model_of_the_described_form(wire, sandbox):
    document = description()
    schema = {"$ref": "#/components/schemas/PushOptionOut", "components": document["components"]}
    judge = Draft202012Validator(schema)
    writable = [key for key, support in connector_for("mqjo").platform.types.items() if support.writes]
    assert len(writable) == 18
    for key in writable:
        assert list(judge.iter_errors(told(model(wire, sandbox, key)))) == [], key


def test_neither_case_nor_a_slash_at_the_end_matter(wire, sandbox):
    expected = model(wire, sandbox, "chartOfAccounts").content
    assert model(wire, sandbox, "CHARTOFACCOUNTS/").content == expected


def test_bank_transactions_have_a_place_of_their_own(wire, sandbox):
    answer = told(model(wire, sandbox, "bankAccounts/bnk_00000001/bankTransactions"))
    rows = answer["properties"]["transactions"]
    assert (rows["type"], rows["properties"]["amount"]["required"]) == ("Array", True)


def test_the_former_places_give_the_same_models(wire, sandbox):
    accounts, payments = (told(model(wire, sandbox, key)) for key in ("chartOfAccounts", "billPayments"))

    def former(rest):
        return wire.get(f"{place(sandbox)}/dataTypes/{rest}")

    assert told(former("chartOfAccounts/options")) == {"post": accounts, "put": accounts}
    assert told(former("chartOfAccounts/options/POST")) == accounts
    assert told(former("chartOfAccounts/options/put")) == accounts
    # Payments of bills can be created and deleted, not updated.
    assert told(former("billPayments/options")) == {"post": payments, "put": None}
    assert refused(former("billPayments/options/PUT")) == (
        404,
        "Datatype billPayments not supported by platform(s) Sandbox",
    )


@pytest.mark.parametrize("data_type", ["taxRates", "accounts", "invoice", "custom", "%F0%9F%98%80", "x" * 300])
def test_what_is_never_written_has_no_model(wire, sandbox, data_type):
    status, words = refused(model(wire, sandbox, data_type))
    assert (status, words.startswith("Datatype "), words.endswith(" not supported")) == (404, True, True)


def test_a_platform_that_takes_no_writes_is_named(wire, db):
    shop = make_connection(integration=make_integration("gbol", name="Shop"))
    name = connector_for("gbol").platform.name
    assert refused(model(wire, shop, "invoices")) == (404, f"Datatype invoices not supported by platform(s) {name}")


def test_a_model_is_known_whatever_the_connection_is(wire, sandbox):
    Connection.objects.filter(pk=sandbox.pk).update(status=ConnectionStatus.UNLINKED)
    assert told(model(wire, sandbox, "chartOfAccounts"))["properties"]["nominalCode"] == NOMINAL_CODE


def test_only_readers_of_pushes_see_models_and_foreign_companies_look_like_none(wire_for, sandbox):
    assert refused(model(wire_for("sync"), sandbox, "items"))[0] == 403
    mine = make_company("Mine")
    limited = wire_for("read", company_ids=[mine.pk])
    for rest in ("options/items", "options/bankAccounts/a/bankTransactions", "dataTypes/items/options"):

        def ask(company, connection, rest=rest):
            status, content = anonymous(limited.get(f"/companies/{company}/connections/{connection}/{rest}"))
            return status, content.replace(str(company).encode(), b"C").replace(str(connection).encode(), b"K")

        assert ask(sandbox.company_id, sandbox.pk) == ask(MISSING, MISSING)
        assert ask(mine.pk, sandbox.pk) == ask(mine.pk, MISSING)
