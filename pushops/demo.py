"""What the demo writes: one account that the platform takes, and one that it refuses."""

from __future__ import annotations

from datetime import timedelta

from pushops.actions.pushing import push_now, request_push
from syncengine.connectors.changes import Operation
from syncengine.models import Connection

_OVENS = {"nominalCode": "0041", "name": "Ovens and mixers", "fullyQualifiedCategory": "Asset.Fixed"}
_TOO_LONG = {"nominalCode": "0042-DELIVERY-VANS", "name": "Delivery vans", "fullyQualifiedCategory": "Asset.Fixed"}
_PATIENCE = timedelta(seconds=5)


def push_accounts(connection: Connection) -> None:
    for body in (_OVENS, _TOO_LONG):
        made = request_push(
            connection, data_type="chartOfAccounts", operation=Operation.CREATE, body=body, actor="demo"
        )
        push_now(made, within=_PATIENCE)
