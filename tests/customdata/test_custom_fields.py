"""Custom fields and their mappings: what is refused, which mapping counts, what a deletion takes and gives back."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from customdata.actions.custom_fields import (
    create_custom_field,
    delete_custom_field,
    restore_custom_field,
    update_custom_field,
)
from customdata.actions.field_mappings import create_mapping, delete_mapping, promote_mapping, update_mapping
from customdata.catalogue import CATEGORIES, CatalogueModel, model_named, models_of
from customdata.exceptions import Conflict, NotFound
from customdata.models import CustomField, FieldMapping, FieldMappingChange
from customdata.queries.field_mappings import effective_fields, has_mapping, mapped_fields
from syncengine.exceptions import Refused
from syncengine.models import Event
from tests.factories import make_connection, make_integration

pytestmark = pytest.mark.django_db
API = CustomField.Source.API


def make_field(name="po_number", category="ACCOUNTING", model="invoices", **members):
    return create_custom_field(name, category, model, source=API, actor="test", **members)


def shown(connection, category="ACCOUNTING", model="invoices"):
    return [(found.field.name, found.scope, found.json_path) for found in effective_fields(connection, category, model)]


def test_models_are_our_data_types_under_their_categories():
    assert CATEGORIES == ("ACCOUNTING", "BANKING", "COMMERCE")
    assert len(models_of()) == 43
    assert model_named("ACCOUNTING", "chart_of_accounts") == CatalogueModel(
        "chart_of_accounts", "Chart of accounts", "ACCOUNTING", "chartOfAccounts"
    )
    assert model_named("BANKING", "account_balances").data_type == "banking-accountBalances"
    assert [model.slug for model in models_of("BANKING")] == [
        "account_balances",
        "accounts",
        "transaction_categories",
        "transactions",
    ]


@pytest.mark.parametrize(
    ("members", "field", "message"),
    [
        ({"name": "a"}, "name", "A name has 2 to 128 characters."),
        ({"name": "a" * 129}, "name", "A name has 2 to 128 characters."),
        *(
            (
                {"name": name},
                "name",
                "A name is snake_case: lower-case words and digits with single underscores.",
            )
            for name in ("Po_number", "po-number", "po__number", "_po", "po_", "1po", "pö", "po number", "po\n")
        ),
        ({"category": "accounting"}, "category", "The category is one of ACCOUNTING, BANKING, COMMERCE."),
        ({"category": "HRIS"}, "category", "The category is one of ACCOUNTING, BANKING, COMMERCE."),
        ({"model": "employees"}, "model", "ACCOUNTING has no model employees."),
        (
            {"model": "Invoices"},
            "model",
            "A model is lower-case letters, digits, hyphens and underscores, 64 at most.",
        ),
        ({"description": "a\x00"}, "description", "A description may not hold a NUL character."),
    ],
)
def test_what_is_no_field_is_refused_by_name(members, field, message):
    with pytest.raises(Refused) as refusal:
        make_field(**members)
    assert (refusal.value.field, refusal.value.message) == (field, message)
    assert CustomField.objects.count() == 0


def test_a_name_is_taken_once_in_a_model():
    make_field()
    make_field(model="bills")
    with pytest.raises(Conflict) as refusal:
        make_field()
    assert refusal.value.message == "invoices has a custom field po_number already."
    assert CustomField.objects.count() == 2


def test_a_field_moves_only_while_it_has_no_mapping():
    field = make_field(description="Purchase order")
    update_custom_field(field, actor="ana", model="bills", description=None)
    assert (field.model, field.description, field.updated_by) == ("bills", None, "ana")
    create_mapping(field, "po", actor="test", integration=make_integration())
    with pytest.raises(Conflict) as refusal:
        update_custom_field(field, actor="ana", model="invoices")
    assert refusal.value.message == "Category and model can be changed only while the field has no mapping."
    assert CustomField.objects.get().model == "bills"


def test_a_connections_mapping_counts_before_its_integrations(django_assert_num_queries):
    connection, field = make_connection(), make_field()
    other = make_connection()
    make_field("cost_center")
    assert shown(connection) == [("cost_center", None, None), ("po_number", None, None)]
    create_mapping(field, "po", actor="test", integration=connection.integration)
    own = create_mapping(field, "order.no", actor="test", connection=connection)
    assert shown(connection) == [("cost_center", None, None), ("po_number", "connector", "order.no")]
    assert shown(other) == [("cost_center", None, None), ("po_number", "organization", "po")]
    assert [found.mapping for found in mapped_fields(connection, "invoices")] == [own]
    assert (has_mapping(other, "invoices"), has_mapping(other, "bills"), has_mapping(other, "custom/x")) == (
        True,
        False,
        False,
    )
    delete_mapping(own, actor="test")
    assert shown(connection)[1] == ("po_number", "organization", "po")
    with django_assert_num_queries(2):
        effective_fields(connection, "ACCOUNTING", "invoices")


def test_a_target_has_one_mapping_of_a_field_and_a_mapping_one_target():
    connection, field = make_connection(), make_field()
    create_mapping(field, "po", actor="test", connection=connection)
    with pytest.raises(Conflict):
        create_mapping(field, "other", actor="test", connection=connection)
    for targets in ({}, {"connection": connection, "integration": connection.integration}):
        with pytest.raises(Refused) as refusal:
            create_mapping(field, "po", actor="test", **targets)
        assert refusal.value.message == "Exactly one of integration_slug and connector_token is needed."
    assert FieldMapping.objects.count() == 1


@pytest.mark.parametrize("path", ["", "  ", "a\x00", "a" * 1025])
def test_an_expression_that_cannot_be_kept_is_refused(path):
    with pytest.raises(Refused) as refusal:
        create_mapping(make_field(), path, actor="test", integration=make_integration())
    assert refusal.value.field == "json_path"


def test_an_expression_that_does_not_compile_is_kept():
    mapping = create_mapping(make_field(), "$.po", actor="test", integration=make_integration())
    assert mapping.json_path == "$.po"


def test_every_change_of_a_mapping_is_kept_and_told():
    mapping = create_mapping(make_field(), "po", actor="ana", integration=make_integration())
    update_mapping(mapping, "order.no", actor="bo")
    update_mapping(mapping, "order.no", actor="bo")
    delete_mapping(mapping, actor="cy")
    changes = FieldMappingChange.objects.order_by("id").values_list("before", "after", "changed_by")
    assert list(changes) == [(None, "po", "ana"), ("po", "order.no", "bo"), ("order.no", None, "cy")]
    told = Event.objects.filter(kind__startswith="custom_field.mapping.").order_by("id")
    assert [event.kind.rpartition(".")[2] for event in told] == ["created", "updated", "deleted"]
    assert {event.data["data_type"] for event in told} == {"invoices"}


def test_a_connections_mapping_becomes_its_integrations_without_a_gap():
    connection, field = make_connection(), make_field()
    shared = promote_mapping(create_mapping(field, "po", actor="test", connection=connection), actor="test")
    assert (shared.integration, shared.json_path) == (connection.integration, "po")
    assert shown(connection) == [("po_number", "organization", "po")]
    promote_mapping(create_mapping(field, "other", actor="test", connection=connection), actor="test")
    assert shown(connection) == [("po_number", "organization", "other")]
    assert FieldMapping.objects.filter(deleted_at=None).count() == 1


def test_a_deleted_field_goes_with_its_mappings_and_comes_back_with_them():
    connection, field = make_connection(), make_field()
    gone_before = create_mapping(field, "old", actor="test", connection=connection)
    delete_mapping(gone_before, actor="test")
    create_mapping(field, "po", actor="test", connection=connection)
    delete_custom_field(field, actor="test")
    assert (shown(connection), has_mapping(connection, "invoices")) == ([], False)
    restore_custom_field(field, actor="test")
    assert shown(connection) == [("po_number", "connector", "po")]
    with pytest.raises(NotFound):
        restore_custom_field(field, actor="test")


def test_a_deletion_cannot_be_undone_for_ever_nor_when_the_name_was_given_anew():
    field = make_field()
    delete_custom_field(field, actor="test")
    make_field()
    with pytest.raises(Conflict):
        restore_custom_field(field, actor="test")
    field.refresh_from_db()
    with time_machine.travel(now() + timedelta(days=8), tick=False), pytest.raises(NotFound):
        restore_custom_field(field, actor="test")
