"""Plain functions that make rows with plain defaults. Whatever a test cares about, it says."""

from __future__ import annotations

from typing import Any

from django.utils.timezone import now

from portal.models import Alert, AlertingRule, Incident, Role, User
from syncengine.models import Company, Connection, Dataset, DataStatus, Integration, Record
from syncengine.secrets import seal
from syncengine.states import ConnectionStatus, DatasetStatus

PASSWORD = "a long enough passphrase"


def make_user(email: str = "ana@example.com", role: Role = Role.ADMINISTRATOR, **fields: Any) -> User:
    return User.objects.create_user(email, PASSWORD, role=role, **fields)


def make_company(name: str = "Acme Trading", **fields: Any) -> Company:
    return Company.objects.create(name=name, created_by="test", **fields)


def make_integration(key: str = "mqjo", **fields: Any) -> Integration:
    defaults = {"name": "Sandbox", "source_type": "Accounting", **fields}
    return Integration.objects.get_or_create(key=key, defaults=defaults)[0]


def make_connection(
    company: Company | None = None,
    *,
    integration: Integration | None = None,
    status: str = ConnectionStatus.LINKED,
    secret: dict[str, str] | None = None,
    **fields: Any,
) -> Connection:
    linked = {"linked_at": now(), "first_linked_at": now(), "last_used_at": now()}
    connection = Connection.objects.create(
        company=company or make_company(),
        integration=integration or make_integration(),
        status=status,
        created_by="test",
        **({} if status == ConnectionStatus.PENDING_AUTH else linked) | fields,
    )
    if secret is not None:
        connection.credentials = seal(connection, "credentials", secret)
        connection.save(update_fields=["credentials"])
    return connection


def make_dataset(
    connection: Connection | None = None,
    data_type: str = "invoices",
    status: str = DatasetStatus.QUEUED,
    **fields: Any,
) -> Dataset:
    """A dataset in any state, with the data status that points to it."""
    connection = connection or make_connection()
    dataset = Dataset.objects.create(
        company_id=connection.company_id,
        connection=connection,
        data_type=data_type,
        status=status,
        actor="test",
        **fields,
    )
    good = {"latest_successful_dataset": dataset, "last_successful_sync_at": now()}
    DataStatus.objects.update_or_create(
        connection=connection,
        data_type=data_type,
        defaults={"latest_dataset": dataset, **(good if status == DatasetStatus.COMPLETE else {})},
    )
    return dataset


def make_incident(connection: Connection | None = None, **fields: Any) -> Incident:
    """An open incident that touches one connection."""
    connection = connection or make_connection()
    counts = {"failure_count": 1, "connection_count": 1, "company_count": 1, "failing_count": 1}
    places = {"integration": connection.integration, "company": connection.company}
    defaults = {
        "key": f"outage:{connection.integration_id}",
        "cause": "outage",
        "owner": "platform",
        **places,
        **counts,
    }
    incident = Incident.objects.create(**defaults | {"first_seen_at": now(), "last_seen_at": now()} | fields)
    incident.members.create(
        connection=connection, company=connection.company, first_seen_at=now(), last_seen_at=now(), failure_count=1
    )
    return incident


def make_rule(type: str = "DataSyncStatusChangedToError", **fields: Any) -> AlertingRule:
    return AlertingRule.objects.create(type=type, wire_type=type, created_by="test", **fields)


def make_alert(rule: AlertingRule | None = None, message: str = "invoices failed.", **fields: Any) -> Alert:
    rule = rule or make_rule()
    given = {"type": rule.type, "rule_type": rule.wire_type, "last_seen_at": now(), **fields}
    return Alert.objects.create(rule=rule, message=message, **given)


def make_record(
    connection: Connection | None = None, source_id: str = "inv-1", data_type: str = "invoices", **fields: Any
) -> Record:
    defaults: dict[str, Any] = {
        "content": {"id": source_id, "invoiceNumber": source_id.upper(), "totalAmount": 12.5},
        "content_hash": source_id.encode()[:16].ljust(16, b"\0"),
        "modified_at": now(),
    }
    return Record.objects.create(
        connection=connection or make_connection(), source_id=source_id, data_type=data_type, **defaults | fields
    )
