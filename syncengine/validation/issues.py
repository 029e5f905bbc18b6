"""What a check reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that does not hold in a record.

    severity:        "error" (the record contradicts itself) or "warning" (it may be right, yet looks odd).
    rule_id:         stable, such as `accounting-invoice-010`.
    path:            the member at fault, such as `lineItems.2.quantity`.
    validator_name:  such as `InvoiceValidator`.
    """

    severity: str
    rule_id: str
    path: str
    message: str
    validator_name: str


ERROR = "error"
WARNING = "warning"
