"""Which checks apply to which data type, and what its rules are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncengine.datatypes import DATA_TYPES
from syncengine.validation import checks, statements
from syncengine.validation.checks import Check, Holds
from syncengine.validation.issues import ERROR, Issue
from syncengine.validation.model import Shape, record_shape
from syncengine.validation.structure import faults, holds_for

MISSING_OR_WRONG = 1

_CURRENCY = checks.known_currency("currency")
_INVOICE_LIKE = (checks.line_sums, _CURRENCY)
_LINES_GIVE_TOTAL = checks.rows_give_total("lines", "amount")

_CHECKS: Mapping[str, tuple[Check, ...]] = {
    "accountTransactions": (_LINES_GIVE_TOTAL, _CURRENCY),
    "balanceSheet": (statements.net_assets, statements.trees("assets", "liabilities", "equity"), _CURRENCY),
    "bankAccounts": (_CURRENCY,),
    "billCreditNotes": (
        checks.document_sums("totalTaxAmount"),
        checks.open_amount("remainingCredit", 12, "remaining credit"),
        *_INVOICE_LIKE,
    ),
    "billPayments": (_LINES_GIVE_TOTAL, _CURRENCY),
    "bills": (
        checks.document_sums("taxAmount"),
        checks.open_amount("amountDue", 12, "amount due"),
        checks.due_after_issue,
        checks.paid_in_full,
        *_INVOICE_LIKE,
    ),
    "cashFlowStatement": (statements.trees("cashPayments", "cashReceipts"), _CURRENCY),
    "chartOfAccounts": (_CURRENCY,),
    "company": (checks.known_currency("baseCurrency"),),
    "creditNotes": (
        checks.document_sums("totalTaxAmount"),
        checks.open_amount("remainingCredit", 12, "remaining credit"),
        *_INVOICE_LIKE,
    ),
    "customers": (checks.known_currency("defaultCurrency"),),
    "directCosts": (checks.document_sums("taxAmount"), *_INVOICE_LIKE),
    "directIncomes": (checks.document_sums("taxAmount"), *_INVOICE_LIKE),
    "invoices": (
        checks.document_sums("totalTaxAmount"),
        checks.open_amount("amountDue", 12, "amount due"),
        checks.due_after_issue,
        checks.paid_in_full,
        *_INVOICE_LIKE,
    ),
    "items": (checks.sides_described,),
    "journalEntries": (checks.entry_balances,),
    "payments": (_LINES_GIVE_TOTAL, _CURRENCY),
    "profitAndLoss": (
        statements.profits,
        statements.trees("income", "costOfSales", "expenses", "otherIncome", "otherExpenses"),
        _CURRENCY,
    ),
    "purchaseOrders": (checks.document_sums("totalTaxAmount"), *_INVOICE_LIKE),
    "salesOrders": (checks.document_sums("totalTaxAmount"), *_INVOICE_LIKE),
    "suppliers": (checks.known_currency("defaultCurrency"),),
    "taxRates": (checks.components_give_rate,),
    "transfers": (checks.same_amount_both_ways,),
    "banking-accounts": (_CURRENCY,),
    "banking-transactions": (_CURRENCY,),
    "commerce-companyInfo": (checks.known_currency("baseCurrency"),),
    "commerce-customers": (checks.known_currency("defaultCurrency"),),
    "commerce-disputes": (_CURRENCY,),
    "commerce-orders": (_CURRENCY,),
    "commerce-payments": (_CURRENCY,),
    "commerce-transactions": (_CURRENCY,),
}
# Quick to say yes; what they say no to is then judged by the checks of the type, one by one.
_PLAIN: Mapping[str, Holds] = {
    "bills": checks.plain_document("taxAmount", "amountDue"),
    "invoices": checks.plain_document("totalTaxAmount", "amountDue"),
}
# What one record of the type is called where taking the plural's s away does not give it.
_SINGULAR = {
    "chartOfAccounts": "account",
    "company": "company",
    "journalEntries": "journalEntry",
    "trackingCategories": "trackingCategory",
    "banking-transactionCategories": "transactionCategory",
    "commerce-companyInfo": "companyInfo",
    "commerce-productCategories": "productCategory",
    "profitAndLoss": "profitAndLoss",
}


@dataclass(frozen=True, slots=True)
class Validator:
    """All checks of one data type.

    name:    such as `InvoiceValidator`.
    prefix:  of its rules, such as `accounting-invoice`.
    """

    name: str
    prefix: str
    shape: Shape
    holds: Holds
    checks: tuple[Check, ...]
    plain: Holds | None = None

    def issues(self, content: Mapping[str, Any]) -> list[Issue]:
        found: list[Issue] = []
        if not self.holds(content):
            found += [self._issue(ERROR, MISSING_OR_WRONG, path, text) for path, text in faults(self.shape, content)]
        if self.plain is not None and self.plain(content):
            return found
        for check in self.checks:
            for severity, number, path, text in check(content):
                found.append(self._issue(severity, number, path, text))
        return found

    def _issue(self, severity: str, number: int, path: str, message: str) -> Issue:
        return Issue(severity, f"{self.prefix}-{number:03d}", path, message, self.name)


def _validator(data_type: str) -> Validator | None:
    shape = record_shape(data_type)
    if shape is None:
        return None
    singular = _SINGULAR.get(data_type) or data_type.rpartition("-")[2].removesuffix("s")
    source = DATA_TYPES[data_type].source_type
    name = f"{'' if source == 'Accounting' else source}{singular[0].upper()}{singular[1:]}Validator"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", singular).lower()
    checks_of_type, plain = _CHECKS.get(data_type, ()), _PLAIN.get(data_type)
    return Validator(name, f"{source.lower()}-{words}", shape, holds_for(shape), checks_of_type, plain)


VALIDATORS: Mapping[str, Validator] = {
    data_type: validator for data_type in DATA_TYPES if (validator := _validator(data_type)) is not None
}
