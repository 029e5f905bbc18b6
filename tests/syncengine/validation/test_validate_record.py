from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.datatypes import DATA_TYPES
from syncengine.validation import Issue, validate_record
from syncengine.validation.catalogue import VALIDATORS
from syncengine.validation.structure import faults
from tests.syncengine.validation.records import GOOD, LINE, make_record


@pytest.mark.parametrize("data_type", sorted(GOOD))
def test_a_good_record_has_no_issues(data_type):
    assert validate_record(data_type, GOOD[data_type]) == []


@pytest.mark.parametrize("data_type", ["custom/expense-claims", "itemReceipts", "nonsense"])
def test_types_without_a_standard_model_are_not_checked(data_type):
    assert validate_record(data_type, {"anything": object()}) == []


def test_every_type_of_the_catalogue_but_item_receipts_has_a_validator():
    assert set(DATA_TYPES) - set(VALIDATORS) == {"itemReceipts"}


def test_validators_and_their_rules_have_names_of_their_own():
    names = {(validator.name, validator.prefix) for validator in VALIDATORS.values()}

    assert len({name for name, _ in names}) == len({prefix for _, prefix in names}) == len(VALIDATORS)
    assert ("InvoiceValidator", "accounting-invoice") in names
    assert ("BankingTransactionCategoryValidator", "banking-transaction-category") in names


def test_an_issue_says_everything():
    assert validate_record("invoices", make_record("invoices", totalAmount=D("250.00"), subTotal=...)) == [
        Issue(
            "error",
            "accounting-invoice-010",
            "totalAmount",
            "The total is 250.00, but its lines add up to 240.00.",
            "InvoiceValidator",
        )
    ]


ERRORS = [
    # (data type, changes to a good record, number of the rule, path)
    ("invoices", {"status": ...}, 1, "status"),
    ("invoices", {"status": "Sent"}, 1, "status"),
    ("invoices", {"status": ["Paid"]}, 1, "status"),
    ("invoices", {"issueDate": ...}, 1, "issueDate"),
    ("invoices", {"issueDate": None}, 1, "issueDate"),
    ("invoices", {"lineItems__1__quantity": ...}, 1, "lineItems.1.quantity"),
    ("invoices", {"lineItems__1__trackingCategoryRefs__0__id": ...}, 1, "lineItems.1.trackingCategoryRefs.0.id"),
    ("invoices", {"lineItems__1__trackingCategoryRefs": "t"}, 1, "lineItems.1.trackingCategoryRefs"),
    ("invoices", {"paymentAllocations__0": "p"}, 1, "paymentAllocations.0"),
    ("invoices", {"totalAmount": D("241.00"), "subTotal": ...}, 10, "totalAmount"),
    ("invoices", {"totalAmount": D("239.97"), "amountDue": 0, "subTotal": ...}, 10, "totalAmount"),
    ("invoices", {"lineItems__0__totalAmount": 999, "lineItems__0__subTotal": 979}, 10, "totalAmount"),
    ("invoices", {"subTotal": D("100.00")}, 11, "totalAmount"),
    ("invoices", {"totalTaxAmount": D("41.00")}, 11, "totalAmount"),
    ("invoices", {"amountDue": D("240.02")}, 12, "amountDue"),
    ("bills", {"totalAmount": D("121.00"), "subTotal": D("101.00")}, 10, "totalAmount"),
    ("bills", {"taxAmount": D("30.00")}, 11, "totalAmount"),
    ("bills", {"amountDue": D("120.50")}, 12, "amountDue"),
    ("creditNotes", {"remainingCredit": D("130.00")}, 12, "remainingCredit"),
    ("creditNotes", {"totalAmount": 1, "subTotal": -19, "remainingCredit": 0}, 10, "totalAmount"),
    ("billCreditNotes", {"remainingCredit": D("130.00")}, 12, "remainingCredit"),
    ("billCreditNotes", {"subTotal": 5}, 11, "totalAmount"),
    ("directCosts", {"subTotal": 5}, 11, "totalAmount"),
    ("directIncomes", {"subTotal": 5}, 11, "totalAmount"),
    ("purchaseOrders", {"subTotal": 5}, 11, "totalAmount"),
    ("salesOrders", {"subTotal": 5}, 11, "totalAmount"),
    ("journalEntries", {"journalLines__0__netAmount": D("10.12")}, 10, "journalLines"),
    ("payments", {"totalAmount": D("31.00")}, 10, "totalAmount"),
    ("payments", {"lines__0__links__0__type": "Bill"}, 1, "lines.0.links.0.type"),
    ("billPayments", {"totalAmount": D("31.00")}, 10, "totalAmount"),
    ("accountTransactions", {"totalAmount": 6}, 10, "totalAmount"),
    ("balanceSheet", {"reports__0__netAssets": 19, "reports__0__equity__value": 19}, 10, "reports.0.netAssets"),
    (
        "balanceSheet",
        {"reports__0__assets__items__1__items__0__value": ...},
        1,
        "reports.0.assets.items.1.items.0.value",
    ),
    (
        "profitAndLoss",
        {"reports__0__grossProfit": 71, "reports__0__netOperatingProfit": 51, "reports__0__netProfit": 56},
        10,
        "reports.0.grossProfit",
    ),
    (
        "profitAndLoss",
        {"reports__0__netOperatingProfit": 51, "reports__0__netProfit": 56},
        11,
        "reports.0.netOperatingProfit",
    ),
    ("profitAndLoss", {"reports__0__netProfit": 56}, 12, "reports.0.netProfit"),
    ("items", {"type": ...}, 1, "type"),
    ("banking-accounts", {"identifiers": ...}, 1, "identifiers"),
    ("commerce-orders", {"orderLineItems__0__productRef__id": ...}, 1, "orderLineItems.0.productRef.id"),
]

WARNINGS = [
    ("invoices", {"lineItems__0__taxAmount": D("21.00")}, 13, "lineItems.0.totalAmount"),
    ("invoices", {"dueDate": "2026-01-30T23:59:59"}, 20, "dueDate"),
    ("invoices", {"status": "Paid"}, 21, "amountDue"),
    ("invoices", {"currency": "GBX"}, 30, "currency"),
    ("bills", {"dueDate": "2025-12-31T00:00:00"}, 20, "dueDate"),
    ("bills", {"status": "Paid"}, 21, "amountDue"),
    ("customers", {"defaultCurrency": "pounds"}, 30, "defaultCurrency"),
    ("suppliers", {"defaultCurrency": "gbp"}, 30, "defaultCurrency"),
    ("company", {"baseCurrency": ""}, 30, "baseCurrency"),
    ("bankAccounts", {"currency": "£"}, 30, "currency"),
    ("chartOfAccounts", {"currency": "£"}, 30, "currency"),
    ("banking-accounts", {"currency": "£"}, 30, "currency"),
    ("commerce-orders", {"currency": "£"}, 30, "currency"),
    ("items", {"invoiceItem": ...}, 10, "invoiceItem"),
    ("items", {"billItem": {}}, 11, "billItem"),
    ("taxRates", {"totalTaxRate": 21}, 10, "totalTaxRate"),
    ("transfers", {"to__amount": 4}, 10, "to.amount"),
    ("balanceSheet", {"reports__0__equity__value": 17}, 11, "reports.0.netAssets"),
    ("balanceSheet", {"reports__0__assets__items__1__items__0__value": 19}, 15, "reports.0.assets.items.1.value"),
    ("profitAndLoss", {"reports__0__income__items__0__value": 61}, 15, "reports.0.income.value"),
    ("cashFlowStatement", {"reports__0__cashPayments__value": 4}, 15, "reports.0.cashPayments.value"),
]


@pytest.mark.parametrize(
    ("severity", "data_type", "changes", "number", "path"),
    [*(("error", *row) for row in ERRORS), *(("warning", *row) for row in WARNINGS)],
)
def test_what_does_not_hold_is_named(severity, data_type, changes, number, path):
    issues = validate_record(data_type, make_record(data_type, **changes))

    validator = VALIDATORS[data_type]
    rule_id = f"{validator.prefix}-{number:03d}"
    assert [(i.severity, i.rule_id, i.path, i.validator_name) for i in issues] == [
        (severity, rule_id, path, validator.name)
    ]


@pytest.mark.parametrize(
    ("data_type", "changes"),
    [
        # rounding: a cent for each line
        ("invoices", {"totalAmount": D("240.02"), "subTotal": D("200.02")}),
        ("invoices", {"lineItems__0__totalAmount": D("119.99")}),
        ("journalEntries", {"journalLines__0__netAmount": D("10.11")}),
        # void documents may keep or lose their amounts
        ("invoices", {"status": "Void", "totalAmount": 0, "amountDue": 240}),
        # lines may be given without tax, or without totals at all
        (
            "invoices",
            {
                "lineItems__0__totalAmount": D("100.00"),
                "lineItems__0__taxAmount": ...,
                "lineItems__1__totalAmount": D("100.00"),
                "lineItems__1__taxAmount": ...,
            },
        ),
        ("invoices", {"lineItems__0__totalAmount": ..., "lineItems__0__subTotal": ...}),
        ("invoices", {"lineItems__0": {"quantity": 1, "unitAmount": 110, "discountAmount": 10}}),
        ("invoices", {"lineItems": [{"quantity": 2, "unitAmount": 120}]}),
        ("invoices", {"lineItems": []}),
        ("invoices", {"lineItems": ...}),
        # a discount on the whole, further tax, tax withheld
        ("invoices", {"totalDiscount": 10, "totalAmount": 230, "amountDue": 230}),
        ("invoices", {"additionalTaxAmount": 10, "totalAmount": 250, "amountDue": 250}),
        ("invoices", {"withholdingTax": [{"name": "w", "amount": 10}], "totalAmount": 230, "amountDue": 230}),
        # negative documents
        (
            "invoices",
            {
                "lineItems": [{**LINE, "quantity": -2, "subTotal": -100, "taxAmount": -20, "totalAmount": -120}],
                "subTotal": -100,
                "totalTaxAmount": -20,
                "totalAmount": -120,
                "amountDue": -50,
            },
        ),
        ("invoices", {"status": "Paid", "amountDue": 0}),
        ("invoices", {"dueDate": "2026-01-31T00:00:00"}),
        ("invoices", {"dueDate": ...}),
        # several currencies cannot be added up
        ("journalEntries", {"journalLines__0__currency": "USD", "journalLines__0__netAmount": 99}),
        ("journalEntries", {"journalLines": []}),
        ("payments", {"lines": []}),
        ("payments", {"totalAmount": ...}),
        ("transfers", {"to__amount": 4, "to__currency": "USD"}),
        ("transfers", {"to__amount": -5}),
        ("transfers", {"to": ...}),
        ("taxRates", {"totalTaxRate": 21, "components__0__isCompound": True}),
        ("items", {"isBillItem": False, "billItem": ...}),
        ("balanceSheet", {"reports__0__equity": ...}),
        ("balanceSheet", {"reports__0__assets__items": []}),
        (
            "profitAndLoss",
            {
                "reports__0__costOfSales": ...,
                "reports__0__grossProfit": 100,
                "reports__0__netOperatingProfit": 80,
                "reports__0__netProfit": 85,
            },
        ),
        ("customers", {"defaultCurrency": ...}),
    ],
)
def test_what_holds_all_the_same(data_type, changes):
    assert validate_record(data_type, make_record(data_type, **changes)) == []


def test_all_that_is_wrong_is_reported():
    issues = validate_record("invoices", {"lineItems": [5], "currency": "?"})

    assert {(issue.rule_id[-3:], issue.path) for issue in issues} == {
        *(("001", name) for name in ("issueDate", "totalTaxAmount", "totalAmount", "amountDue", "status")),
        ("001", "lineItems.0"),
        ("030", "currency"),
    }


amounts = st.decimals(-(10**9), 10**9, places=2)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=30))
def test_an_invoice_whose_total_is_the_sum_of_its_lines_holds(pairs):
    lines = [
        {"quantity": 1, "unitAmount": net, "subTotal": net, "taxAmount": tax, "totalAmount": net + tax}
        for net, tax in pairs
    ]
    net, tax = sum(net for net, _ in pairs), sum(tax for _, tax in pairs)
    record = make_record(
        "invoices", lineItems=lines, subTotal=net, totalTaxAmount=tax, totalAmount=net + tax, amountDue=0
    )

    assert [issue for issue in validate_record("invoices", record) if issue.rule_id[-3:] in ("010", "011", "013")] == []
    record["totalAmount"] += D("0.02") * (len(pairs) + 1)
    found = {issue.rule_id[-3:] for issue in validate_record("invoices", record)}
    assert found >= {"011"} or found >= {"010"}


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), amounts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_junk_is_reported_and_never_raises(data_type, data):
    names = list(VALIDATORS[data_type].shape.members)
    changes = data.draw(st.dictionaries(st.sampled_from(names), junk, max_size=4))

    issues = validate_record(data_type, {**GOOD[data_type], **changes})

    assert all(type(issue) is Issue and issue.path and issue.message for issue in issues)


amounts = st.sampled_from([D("0"), D("10.00"), D("20.00"), D("30.00"), D("-10.00"), 10, 20, True, "20.00", None])
document_lines = st.dictionaries(st.sampled_from(["subTotal", "taxAmount", "totalAmount"]), amounts)
documents = st.fixed_dictionaries(
    {
        "subTotal": amounts,
        "totalTaxAmount": amounts,
        "totalAmount": amounts,
        "amountDue": amounts,
        "issueDate": st.sampled_from(["2026-01-31T00:00:00", "2026-02-28T00:00:00", None, 5]),
        "dueDate": st.sampled_from(["2026-01-31T00:00:00", "2026-02-28T00:00:00", None]),
        "currency": st.sampled_from(["EUR", "EUR", "XXL", None, 5]),
        "status": st.sampled_from(["Paid", "Submitted", "Void"]),
        "lineItems": st.lists(st.one_of(document_lines, document_lines, st.none()), max_size=2),
    }
)


@given(documents)
def test_no_check_finds_fault_with_what_passes_for_a_plain_document(document):
    validator = VALIDATORS["invoices"]

    if validator.plain(document):
        assert [list(check(document)) for check in validator.checks] == [[]] * len(validator.checks)


@pytest.mark.parametrize("data_type", ["bills", "invoices"])
def test_a_good_document_is_a_plain_one(data_type):
    line = LINE | {"subTotal": D("100.00"), "taxAmount": D("20.00"), "totalAmount": D("120.00")}
    tax = "taxAmount" if data_type == "bills" else "totalTaxAmount"
    sums = {"subTotal": D("100.00"), tax: D("20.00"), "totalAmount": D("120.00"), "amountDue": D("120.00")}

    assert VALIDATORS[data_type].plain(GOOD[data_type] | sums | {"lineItems": [line], "currency": "EUR"})


junk_members = st.dictionaries(
    st.sampled_from(["status", "issueDate", "totalTaxAmount", "totalAmount", "amountDue", "lineItems", "customerRef"]),
    st.one_of(
        st.sampled_from([None, "x", 5, "Paid", True]),
        st.lists(st.dictionaries(st.sampled_from(["unitAmount", "quantity", "tracking"]), st.sampled_from([1, None]))),
        st.dictionaries(st.sampled_from(["id", "companyName"]), st.sampled_from(["a", None])),
    ),
)


@given(junk_members)
def test_the_written_check_of_a_structure_says_yes_where_nothing_is_missing_or_wrong(content):
    validator = VALIDATORS["invoices"]
    found = list(faults(validator.shape, content))

    assert validator.holds(content) is (not found)


def test_a_shape_that_holds_itself_is_checked_all_the_way_down():
    holds = VALIDATORS["profitAndLoss"].holds
    good = {"value": 1, "items": [{"value": 1, "items": [{"value": 1}]}]}
    bad = {"value": 1, "items": [{"value": 1, "items": [{"name": "no value"}]}]}

    assert [holds(GOOD["profitAndLoss"] | {"reports": [GOOD["profitAndLoss"]["reports"][0] | {"income": line}]})
            for line in (good, bad)] == [True, False]  # fmt: skip
