"""What the demo shows of custom data: one data type of its own, and one custom field with a mapping."""

from __future__ import annotations

from contextlib import suppress

from customdata.actions.custom_data_types import put_custom_data_type
from customdata.actions.custom_fields import create_custom_field
from customdata.actions.field_mappings import create_mapping
from customdata.models import CustomField
from portal.demo import ACTOR
from syncengine.actions.datasets import queue_dataset
from syncengine.exceptions import DatasetInProgress
from syncengine.models import Connection

EXPENSES = {
    "dataSource": "/expenses",
    "requiredData": {
        "expense": "$.expenseId",
        "notes": "$.expenseDetails.notes",
        "gross": "$.gross",
        "currency": "$.currency",
    },
    "keyBy": ["$.expenseId", "$.accountId"],
    "sourceModifiedDate": ["$.modifiedDate", "$.createdDate", "$.lines[*].modifiedDate"],
}
FIELD, PATH = "billing_region", "addresses.billing.region"


def load(connection: Connection) -> None:
    """Configure both over the demo's connection, and have them read. Safe to repeat."""
    put_custom_data_type(connection.integration, "expenses", EXPENSES, actor=ACTOR)
    _read(connection, "custom/expenses")
    if not CustomField.objects.filter(name=FIELD, model="customers", deleted_at=None).exists():
        field = create_custom_field(
            FIELD,
            "ACCOUNTING",
            "customers",
            description="The region of the billing address, as the platform writes it.",
            source=CustomField.Source.DASHBOARD,
            actor=ACTOR,
        )
        create_mapping(field, PATH, actor=ACTOR, integration=connection.integration)
    _read(connection, "customers")


def _read(connection: Connection, data_type: str) -> None:
    with suppress(DatasetInProgress):
        queue_dataset(connection, data_type, actor=ACTOR)
