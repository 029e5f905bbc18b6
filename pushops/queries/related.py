"""What a write leaves out of step: a push changes its own record only, and these types may tell of it."""

from __future__ import annotations

from pushops.models import PushOperation
from syncengine.connectors.registry import platforms
from syncengine.datatypes import data_type_for

_LEDGER = ("accountTransactions", "journalEntries", "chartOfAccounts")
_RELATED: dict[str, tuple[str, ...]] = {
    "accountTransactions": _LEDGER,
    "bankAccounts": ("chartOfAccounts", "bankTransactions"),
    "bankTransactions": ("bankAccounts", *_LEDGER),
    "billCreditNotes": ("bills", "suppliers", *_LEDGER),
    "billPayments": ("bills", "billCreditNotes", "suppliers", "bankAccounts", *_LEDGER),
    "bills": ("suppliers", "billPayments", "purchaseOrders", *_LEDGER),
    "chartOfAccounts": ("bankAccounts", "balanceSheet", "profitAndLoss"),
    "creditNotes": ("invoices", "customers", *_LEDGER),
    "customers": ("invoices", "payments"),
    "directCosts": ("suppliers", "bankAccounts", *_LEDGER),
    "directIncomes": ("customers", "bankAccounts", *_LEDGER),
    "invoices": ("customers", "payments", "items", *_LEDGER),
    "items": ("invoices", "bills"),
    "journalEntries": ("journals", *_LEDGER, "balanceSheet", "profitAndLoss"),
    "journals": ("journalEntries",),
    "payments": ("invoices", "creditNotes", "customers", "bankAccounts", *_LEDGER),
    "purchaseOrders": ("bills", "suppliers", "items"),
    "suppliers": ("bills", "billPayments"),
    "transfers": ("bankAccounts", *_LEDGER),
}


def related_types(operation: PushOperation) -> dict[str, str]:
    """Return the data types worth reading again after this write, its own first, with their labels.

    Only what the platform offers is among them.
    """
    platform = platforms().get(operation.connection.integration.key)
    offered = platform.types if platform else {}
    wanted = dict.fromkeys((operation.data_type, *_RELATED.get(operation.data_type, ())))
    return {key: data_type_for(key).label for key in wanted if key in offered}
