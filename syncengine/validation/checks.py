"""What must hold inside one record beyond its structure: sums, balances, dates, currencies.

A check takes the record and returns findings, nearly always none, so it returns the empty tuple as early as it can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from syncengine.validation.currencies import CODES
from syncengine.validation.issues import ERROR, WARNING
from syncengine.validation.money import Amount, amount, near, near_any, or_zero, rows, total

type Content = Mapping[str, Any]
type Finding = tuple[str, int, str, str]  # severity, number of the rule, path, message
type Check = Callable[[Content], Sequence[Finding]]
type Holds = Callable[[Content], bool]

_VOID = "Void"


def plain_document(tax: str, still_open: str) -> Holds:
    """Return a check that says yes to a plain document with which no check of documents finds fault, in one go.

    What is not plain (a discount on the whole, a cent lost in rounding, a void one) is for the checks to judge.
    """

    def holds(content: Content) -> bool:
        try:
            whole, added = content["totalAmount"], 0
            for line in content["lineItems"]:
                total_of_line = line["totalAmount"]
                if line["subTotal"] + line["taxAmount"] != total_of_line:
                    return False
                added += total_of_line
            due = content[still_open]
            return bool(
                added == whole
                and content["subTotal"] + content[tax] == whole
                and 0 <= due <= whole
                and (due == 0 or content.get("status") != "Paid")
                and content.get("currency") in CODES
                and content["dueDate"][:10] >= content["issueDate"][:10]
            )
        except (KeyError, TypeError):
            return False

    return holds


def document_sums(tax: str) -> Check:
    """Total against lines (010), total against subtotal and tax (011). `tax` names the document's tax member."""

    def check(content: Content) -> Sequence[Finding]:
        whole = amount(content, "totalAmount")
        if whole is None or content.get("status") == _VOID:
            return ()
        lines = rows(content, "lineItems")
        added = total(lines, "totalAmount")
        findings: list[Finding] = []
        if lines and not (added == whole or _lines_fit(content, lines, whole, tax)):
            shown = added if added is not None else _net(lines)
            findings.append((ERROR, 10, "totalAmount", f"The total is {whole}, but its lines add up to {shown}."))
        if not _subtotal_fits(content, whole, tax, len(lines)):
            message = (
                f"The total is {whole}, but subtotal {content['subTotal']} and tax {content.get(tax)} do not give it."
            )
            findings.append((ERROR, 11, "totalAmount", message))
        return findings

    return check


def _lines_fit(content: Content, lines: Sequence[Content], whole: Amount, tax: str) -> bool:
    """Platforms differ in whether lines are given with tax, and where a discount on the whole document shows."""
    gross, net = total(lines, "totalAmount"), _net(lines)
    taxed = None if net is None else net + or_zero(amount(content, tax))
    # Where lines have no amounts of their own, their prices may hold the tax already.
    priced = None if total(lines, "subTotal") is not None else net
    given = [value for value in (gross, taxed, priced) if value is not None]
    if not given:
        return True
    return near_any(whole, (value + change for value in given for change in _changes(content)), len(lines))


def _net(lines: Sequence[Content]) -> Amount | None:
    net = total(lines, "subTotal")
    if net is not None:
        return net
    added: Amount = 0
    for line in lines:
        quantity, price = amount(line, "quantity"), amount(line, "unitAmount")
        if quantity is None or price is None:
            return None
        added += quantity * price - or_zero(amount(line, "discountAmount"))
    return added if lines else None


def _changes(content: Content) -> Iterator[Amount]:
    """What may stand between the lines and the total: nothing, a discount, further tax, tax withheld."""
    discount = or_zero(amount(content, "totalDiscount"))
    further = or_zero(amount(content, "additionalTaxAmount"))
    withheld = or_zero(total(rows(content, "withholdingTax"), "amount"))
    for less in (0, discount):
        for more in (0, further, -withheld, further - withheld):
            yield more - less


def _subtotal_fits(content: Content, whole: Amount, tax: str, line_count: int) -> bool:
    net, added = amount(content, "subTotal"), amount(content, tax)
    if net is None or added is None or net + added == whole:
        return True
    return near_any(whole, (net + added + change for change in _changes(content)), line_count)


def open_amount(member: str, number: int, word: str) -> Check:
    """What is still open may not exceed the total, nor change its sign's side."""

    def check(content: Content) -> Sequence[Finding]:
        due, whole = amount(content, member), amount(content, "totalAmount")
        if due is None or whole is None or due == whole or content.get("status") == _VOID or near(due, whole):
            return ()
        if due > whole if whole >= 0 else due < whole:
            return ((ERROR, number, member, f"The {word} is {due}, more than the total of {whole}."),)
        return ()

    return check


def line_sums(content: Content) -> Sequence[Finding]:
    """Net and tax of a line give its total (013)."""
    findings: list[Finding] = []
    for index, line in enumerate(rows(content, "lineItems")):
        if _adds_up(line):
            continue
        net, tax, whole = amount(line, "subTotal"), amount(line, "taxAmount"), amount(line, "totalAmount")
        if net is None or tax is None or whole is None or (added := net + tax) == whole or near(added, whole):
            continue
        message = f"Subtotal {net} and tax {tax} do not give the line's total of {whole}."
        findings.append((WARNING, 13, f"lineItems.{index}.totalAmount", message))
    return findings


def _adds_up(line: Content) -> bool:
    """Quick to say yes; what is no amount at all does not add up either way."""
    try:
        return bool(line["subTotal"] + line["taxAmount"] == line["totalAmount"])
    except (KeyError, TypeError):
        return False


def due_after_issue(content: Content) -> Sequence[Finding]:
    """A due date before the issue date (020)."""
    due, issued = content.get("dueDate"), content.get("issueDate")
    if type(due) is not str or type(issued) is not str or due[:10] >= issued[:10]:
        return ()
    return ((WARNING, 20, "dueDate", f"It is due on {due[:10]}, before it was issued on {issued[:10]}."),)


def paid_in_full(content: Content) -> Sequence[Finding]:
    """Marked as paid with something still due (021)."""
    due = amount(content, "amountDue")
    if content.get("status") != "Paid" or due is None or near(due, 0):
        return ()
    return ((WARNING, 21, "amountDue", f"It is marked as paid, but {due} is still due."),)


def known_currency(*members: str) -> Check:
    """Currency codes outside ISO 4217 (030)."""

    def check(content: Content) -> Sequence[Finding]:
        for member in members:
            code = content.get(member)
            if code is not None and (type(code) is not str or code not in CODES):
                return ((WARNING, 30, member, f"{str(code)[:20]!r} is not a currency code of ISO 4217."),)
        return ()

    return check


def rows_give_total(list_name: str, row_member: str, member: str = "totalAmount", severity: str = ERROR) -> Check:
    """One list's amounts add up to the record's total (010)."""

    def check(content: Content) -> Sequence[Finding]:
        whole, items = amount(content, member), rows(content, list_name)
        added = total(items, row_member)
        if whole is None or added is None or near(added, whole, len(items)):
            return ()
        return ((severity, 10, member, f"The total is {whole}, but its lines add up to {added}."),)

    return check


def entry_balances(content: Content) -> Sequence[Finding]:
    """Debits and credits of a journal entry cancel out (010). Lines in several currencies cannot be added up."""
    lines = rows(content, "journalLines")
    added = total(lines, "netAmount")
    if added is None or near(added, 0) or len({line.get("currency") for line in lines}) > 1:
        return ()
    return ((ERROR, 10, "journalLines", f"The lines add up to {added}; they should cancel out."),)


def same_amount_both_ways(content: Content) -> Sequence[Finding]:
    """A transfer within one currency arrives as it left (010)."""
    source, target = content.get("from"), content.get("to")
    if type(source) is not dict or type(target) is not dict:
        return ()
    out, came = amount(source, "amount"), amount(target, "amount")
    if out is None or came is None:
        return ()
    if source.get("currency") != target.get("currency") or near(Decimal(out).copy_abs(), Decimal(came).copy_abs()):
        return ()
    return ((WARNING, 10, "to.amount", f"{out} left, but {came} arrived in the same currency."),)


def sides_described(content: Content) -> Sequence[Finding]:
    """An item that is bought or sold says how (010, 011)."""
    findings: list[Finding] = []
    for number, flag, member in ((10, "isInvoiceItem", "invoiceItem"), (11, "isBillItem", "billItem")):
        if content.get(flag) is True and not content.get(member):
            findings.append((WARNING, number, member, f"{flag} is true, but {member} is empty."))
    return findings


def components_give_rate(content: Content) -> Sequence[Finding]:
    """Simple components add up to the rate (010); compound ones are taxed themselves, so they do not."""
    whole, parts = amount(content, "totalTaxRate"), rows(content, "components")
    added = total(parts, "rate")
    if whole is None or added is None or any(part.get("isCompound") for part in parts):
        return ()
    if near(added, whole, len(parts)):
        return ()
    return ((WARNING, 10, "totalTaxRate", f"The rate is {whole}, but its components add up to {added}."),)
