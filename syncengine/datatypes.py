"""The standard catalogue: the 43 data types of the contract (codat contract, section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from syncengine.exceptions import UnknownDataType


@dataclass(frozen=True, slots=True)
class DataType:
    """One kind of record.

    segment:           path under `/data/` where the wire serves it.
    connection_scoped: served under a connection rather than under the company.
    reference:         lookup data (accounts, customers …) that date windows must not cut.
    statement:         a financial statement: one report, sized in months.
    single:            one object per connection, not a list.
    """

    key: str
    label: str
    source_type: str = "Accounting"
    segment: str = ""
    connection_scoped: bool = False
    reference: bool = False
    statement: bool = False
    single: bool = False
    fetch_on_first_link: bool = True

    @property
    def path(self) -> str:
        return self.segment or self.key


_CATALOGUE = (
    DataType("accountTransactions", "Account transactions", connection_scoped=True, fetch_on_first_link=False),
    DataType("balanceSheet", "Balance sheet", segment="financials/balanceSheet", statement=True, single=True),
    DataType("bankAccounts", "Bank accounts", connection_scoped=True, reference=True),
    DataType(
        "bankTransactions",
        "Bank transactions",
        segment="bankAccounts/{accountId}/bankTransactions",
        connection_scoped=True,
        fetch_on_first_link=False,
    ),
    DataType("billCreditNotes", "Bill credit notes"),
    DataType("billPayments", "Bill payments"),
    DataType("bills", "Bills"),
    DataType(
        "cashFlowStatement", "Cash flow statement", segment="financials/cashFlowStatement", statement=True, single=True
    ),
    DataType("chartOfAccounts", "Chart of accounts", segment="accounts", reference=True),
    DataType("company", "Company", segment="info", reference=True, single=True),
    DataType("creditNotes", "Credit notes"),
    DataType("customers", "Customers", reference=True),
    DataType("directCosts", "Direct costs", connection_scoped=True),
    DataType("directIncomes", "Direct incomes", connection_scoped=True),
    DataType("invoices", "Invoices"),
    DataType("itemReceipts", "Item receipts", connection_scoped=True, fetch_on_first_link=False),
    DataType("items", "Items", reference=True),
    DataType("journalEntries", "Journal entries"),
    DataType("journals", "Journals", reference=True),
    DataType("paymentMethods", "Payment methods", reference=True),
    DataType("payments", "Payments"),
    DataType("profitAndLoss", "Profit and loss", segment="financials/profitAndLoss", statement=True, single=True),
    DataType("purchaseOrders", "Purchase orders"),
    DataType("salesOrders", "Sales orders"),
    DataType("suppliers", "Suppliers", reference=True),
    DataType("taxRates", "Tax rates", reference=True),
    DataType("trackingCategories", "Tracking categories", reference=True),
    DataType("transfers", "Transfers", connection_scoped=True),
    *(
        DataType(f"banking-{name}", f"Banking {label}", "Banking", connection_scoped=True)
        for name, label in (
            ("accountBalances", "account balances"),
            ("accounts", "accounts"),
            ("transactionCategories", "transaction categories"),
            ("transactions", "transactions"),
        )
    ),
    DataType(
        "commerce-companyInfo",
        "Commerce company info",
        "Commerce",
        segment="commerce-info",
        connection_scoped=True,
        single=True,
    ),
    *(
        DataType(f"commerce-{name}", f"Commerce {label}", "Commerce", connection_scoped=True)
        for name, label in (
            ("customers", "customers"),
            ("disputes", "disputes"),
            ("locations", "locations"),
            ("orders", "orders"),
            ("paymentMethods", "payment methods"),
            ("payments", "payments"),
            ("productCategories", "product categories"),
            ("products", "products"),
            ("taxComponents", "tax components"),
            ("transactions", "transactions"),
        )
    ),
)

DATA_TYPES: dict[str, DataType] = {data_type.key: data_type for data_type in _CATALOGUE}
_BY_LOWER = {key.lower(): data_type for key, data_type in DATA_TYPES.items()}

# Types whose figures are used together: when their last good reads differ, what is computed from them may not add up.
RELATED_TYPES: tuple[tuple[str, ...], ...] = (
    ("invoices", "creditNotes", "payments", "customers", "accountTransactions", "balanceSheet"),
    ("bills", "billCreditNotes", "billPayments", "suppliers", "balanceSheet"),
    ("profitAndLoss", "balanceSheet", "chartOfAccounts", "journalEntries"),
)


def data_type_for(key: str) -> DataType:
    """Return the catalogue's entry, whatever the case of `key`.

    Raises: UnknownDataType.
    """
    try:
        return _BY_LOWER[key.lower()]
    except KeyError:
        raise UnknownDataType(key) from None
