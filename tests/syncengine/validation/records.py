"""One good record of each type that has rules of its own. Tests break them one member at a time."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

D = Decimal

LINE = {
    "description": "Paint",
    "quantity": 2,
    "unitAmount": D("50.00"),
    "subTotal": D("100.00"),
    "taxAmount": D("20.00"),
    "totalAmount": D("120.00"),
    "accountRef": {"id": "200"},
}
REPORT_LINE = {"name": "Assets", "value": D("30.00"), "items": [{"value": 10}, {"value": 20, "items": [{"value": 20}]}]}

GOOD: dict[str, dict[str, Any]] = {
    "invoices": {
        "id": "i1",
        "issueDate": "2026-01-31T00:00:00",
        "dueDate": "2026-02-28T00:00:00",
        "currency": "GBP",
        "status": "Submitted",
        "lineItems": [LINE, {**LINE, "trackingCategoryRefs": [{"id": "t"}]}],
        "subTotal": D("200.00"),
        "totalTaxAmount": D("40.00"),
        "totalAmount": D("240.00"),
        "amountDue": D("240.00"),
        "paymentAllocations": [{"payment": {"id": "p"}, "allocation": {"totalAmount": 1}}],
    },
    "bills": {
        "id": "b1",
        "issueDate": "2026-01-31T00:00:00",
        "dueDate": "2026-02-28T00:00:00",
        "currency": "EUR",
        "status": "Open",
        "lineItems": [LINE],
        "subTotal": D("100.00"),
        "taxAmount": D("20.00"),
        "totalAmount": D("120.00"),
        "amountDue": D("20.00"),
    },
    "creditNotes": {
        "id": "c1",
        "status": "Submitted",
        "lineItems": [LINE],
        "subTotal": D("100.00"),
        "totalTaxAmount": D("20.00"),
        "totalAmount": D("120.00"),
        "totalDiscount": 0,
        "discountPercentage": 0,
        "remainingCredit": D("120.00"),
    },
    "directCosts": {
        "id": "d1",
        "issueDate": "2026-01-31T00:00:00",
        "currency": "USD",
        "lineItems": [LINE],
        "paymentAllocations": [],
        "subTotal": D("100.00"),
        "taxAmount": D("20.00"),
        "totalAmount": D("120.00"),
    },
    "purchaseOrders": {
        "id": "o1",
        "status": "Open",
        "currency": "USD",
        "lineItems": [LINE],
        "subTotal": D("100.00"),
        "totalTaxAmount": D("20.00"),
        "totalAmount": D("120.00"),
    },
    "journalEntries": {
        "id": "j1",
        "journalLines": [{"netAmount": D("10.10"), "currency": "GBP"}, {"netAmount": D("-10.10"), "currency": "GBP"}],
    },
    "payments": {
        "id": "p1",
        "date": "2026-01-31T00:00:00",
        "currency": "GBP",
        "totalAmount": D("30.00"),
        "lines": [{"amount": D("10.00"), "links": [{"type": "Invoice", "id": "i1"}]}, {"amount": 20}],
    },
    "billPayments": {
        "id": "p1",
        "date": "2026-01-31T00:00:00",
        "totalAmount": D("30.00"),
        "lines": [{"amount": D("30.00"), "links": [{"type": "Bill"}]}],
    },
    "accountTransactions": {"id": "t", "status": "Reconciled", "totalAmount": 5, "lines": [{"amount": 5}]},
    "items": {
        "id": "i",
        "itemStatus": "Active",
        "type": "Service",
        "isInvoiceItem": True,
        "invoiceItem": {"unitPrice": 1},
        "isBillItem": True,
        "billItem": {"unitPrice": 1},
    },
    "taxRates": {
        "id": "t",
        "totalTaxRate": 20,
        "components": [{"rate": 12, "isCompound": False}, {"rate": 8, "isCompound": False}],
    },
    "transfers": {
        "id": "t",
        "from": {"amount": 5, "currency": "GBP"},
        "to": {"amount": 5, "currency": "GBP"},
    },
    "balanceSheet": {
        "currency": "GBP",
        "reports": [
            {
                "date": "2026-01-31T00:00:00",
                "assets": REPORT_LINE,
                "liabilities": {"value": 12},
                "equity": {"value": 18},
                "netAssets": 18,
            }
        ],
    },
    "profitAndLoss": {
        "currency": "GBP",
        "reportBasis": "Accrual",
        "reports": [
            {
                "income": {"value": 100, "items": [{"value": 60}, {"value": 40}]},
                "costOfSales": {"value": 30},
                "grossProfit": 70,
                "expenses": {"value": 20},
                "netOperatingProfit": 50,
                "netOtherIncome": 5,
                "netProfit": 55,
            }
        ],
    },
    "cashFlowStatement": {
        "currency": "GBP",
        "reportBasis": "Cash",
        "reportInput": "Direct",
        "reports": [{"cashPayments": {"value": 3, "items": [{"value": 1}, {"value": 2}]}}],
    },
    "customers": {"id": "c", "status": "Active", "defaultCurrency": "GBP"},
    "suppliers": {"id": "s", "status": "Archived", "defaultCurrency": "EUR"},
    "chartOfAccounts": {"id": "a", "type": "Asset", "status": "Active", "isBankAccount": False, "currency": "GBP"},
    "company": {"id": "c", "baseCurrency": "GBP", "phoneNumbers": [{"number": "1", "type": "Primary"}]},
    "bankAccounts": {"id": "b", "accountType": "Debit", "currency": "GBP"},
    "banking-accounts": {
        "id": "b",
        "name": "Current",
        "type": "Debit",
        "balance": {"current": 5},
        "identifiers": {"type": "Depository"},
        "currency": "GBP",
        "institution": {"name": "Bank"},
    },
    "commerce-orders": {"id": "o", "currency": "GBP", "orderLineItems": [{"id": "l", "productRef": {"id": "p"}}]},
}
GOOD["billCreditNotes"] = GOOD["creditNotes"]
GOOD["directIncomes"] = GOOD["directCosts"]
GOOD["salesOrders"] = GOOD["purchaseOrders"]


def make_record(data_type: str, **changes: Any) -> dict[str, Any]:
    """A good record with members replaced; `lineItems__0__taxAmount=1` reaches inside, `...` takes a member away."""
    record = deepcopy(GOOD[data_type])
    for path, value in changes.items():
        *way, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        inner: Any = record
        for step in way:
            inner = inner[step]
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    return record
