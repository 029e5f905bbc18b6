"""Writes to Tryton: models from its own description, one request for each change, its refusals named by member."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from syncengine.connectors.base import PushReceipt, RecordRefused, Written
from syncengine.connectors.changes import Change, Operation
from syncengine.connectors.push_options import OptionChoice, OptionNote, PushOption, pascal, words_of
from syncengine.connectors.rest_writes import ending_of, unsent
from syncengine.connectors.tryton import files
from syncengine.connectors.tryton.forms import (
    FORMS,
    WRITES,
    Form,
    Member,
    account_row,
    party_row,
    template_row,
)
from syncengine.connectors.tryton.protocol import Row, Server, ask, decoded, rows
from syncengine.exceptions import (
    ConnectorError,
    NotSupported,
    OutcomeUnknown,
    PushIssue,
    PushRejected,
    SourceChanged,
    SourceRefused,
)

# Reads one record as a page of a read would bring it: its text, and the record decoded; None when there is none.
type Reader = Callable[[str, int], tuple[Written, Row] | None]

_FIELD = re.compile(r'field "([^"]{1,200})"')
_CODE_OF_A_PIECE = "u"


@dataclass(frozen=True, slots=True)
class Writer:
    """server: seen from within the company."""

    server: Server
    company: int
    read: Reader

    # --- the model

    def options(self, data_type: str) -> PushOption:
        """Raises: NotSupported."""
        form = _form(data_type)
        described = self._described(form)
        top: dict[str, Any] = {}
        for member in form.members:
            _grow(top, member, self._option(member, described[member.model].get(member.field, {})))
        return PushOption("Object", form.name, form.description, True, properties=_built(top))

    def _option(self, member: Member, field: Mapping[str, Any]) -> PushOption:
        choices = tuple(OptionChoice(word, words_of(word)) for word in member.options)
        if member.field == "type" and member.model == "account.account":
            choices = tuple(OptionChoice(path, path.rpartition(" > ")[2]) for path in self._account_types())
        size = field.get("size")
        notes = (OptionNote(pascal(member.path), f"Max length of {size} characters."),) if type(size) is int else ()
        return PushOption(
            member.type,
            words_of(member.path.rpartition(".")[2]),
            " ".join(str(field.get("help") or field.get("string") or "").split()),
            member.required or (bool(field.get("required")) and "." not in member.path and not member.options),
            options=choices,
            warnings=notes,
        )

    def _described(self, form: Form) -> dict[str, dict[str, Any]]:
        """What Tryton says of the fields, by model; its labels are in its user's own language."""
        models: dict[str, set[str]] = {}
        for member in form.members:
            models.setdefault(member.model, set()).add(member.field)
        return {model: self._fields(model, sorted(names)) for model, names in models.items()}

    def _fields(self, model: str, names: list[str]) -> dict[str, Any]:
        answer = ask(self.server, "POST", f"{self.server.model_url(model)}/fields_get", body={"fields_names": names})
        found = decoded(answer)
        return found if isinstance(found, dict) else {}

    def _account_types(self) -> dict[str, int]:
        """Ids of the company's account types by their path of names, as a read writes them; headings are left out."""
        found = {
            row["id"]: row
            for row in rows(
                self.server,
                "account.account.type",
                ("name", "parent", "statement"),
                domain=[["company", "=", self.company]],
            )
        }
        parents = {row["parent"] for row in found.values()}
        return {_path(found, key): key for key in found if key not in parents and found[key]["statement"]}

    # --- one write

    def push(self, change: Change) -> PushReceipt:
        with unsent():
            self._require(change)
            before = self._before(change)
            try:
                method, model, number, body, shown = self._request(change, before)
            except RecordRefused as refusal:
                issue = PushIssue(pascal(refusal.path), f"{refusal.reason}.", FORMS[change.data_type].name)
                raise PushRejected([issue], str(refusal)) from None
        row = self._send(change, method, model, number, body, shown)
        return self._receipt(change, row)

    def _require(self, change: Change) -> None:
        if not any(write.operation == change.operation for write in WRITES.get(change.data_type, ())):
            raise NotSupported(f"Tryton is not asked to {change.operation} {change.data_type}.")

    def _before(self, change: Change) -> Row | None:
        """The record as it stands. Raises: SourceRefused with status 404; SourceChanged."""
        if change.operation in (Operation.CREATE, Operation.UPLOAD):
            return None
        found = self.read(change.data_type, files.number_of(change.record_id))
        if found is None:
            raise SourceRefused("Tryton has no such record.", status_code=404)
        written, raw = found
        since, now = change.if_unmodified_since, written.record.source_modified_at if written.record else None
        if since is not None and not change.force and now is not None and now > since:
            raise SourceChanged(
                "Tryton's record was changed after the one this write was made on. Read it again first."
            )
        return raw

    def _request(
        self, change: Change, before: Row | None
    ) -> tuple[str, str, int | None, Row | None, tuple[tuple[str, str], ...]]:
        """Return method, model, id, body and the fields wanted back."""
        if change.operation is Operation.UPLOAD:
            if change.file is None:
                raise PushRejected([PushIssue("", "There is no file to upload.")])
            resource = files.resource_of(change.data_type, change.record_id)
            files.listed(self.server, resource)  # refuses a record that does not exist, which Tryton would not
            return "POST", "ir.attachment", None, files.as_row(resource, change.file), (("f", "id"),)
        form = FORMS[change.data_type]
        if change.operation is Operation.DELETE:
            return "DELETE", *self._deleted(change, before or {}, form), None, ()
        body = dict(change.body or {})
        _require_members(form, body, is_new=before is None)
        if change.data_type == "items":
            return self._item_request(change, body, before)
        if change.data_type == "chartOfAccounts":
            row = account_row(body, self._account_types())
            row |= {"company": self.company} if before is None else {}
        else:
            row = party_row(change.data_type, body, self._countries(body), before)
        number = None if before is None else int(change.record_id)
        return ("POST" if number is None else "PUT"), form.model, number, row, (("f", "id"),)

    def _item_request(
        self, change: Change, body: Row, before: Row | None
    ) -> tuple[str, str, int | None, Row | None, tuple[tuple[str, str], ...]]:
        template, product = template_row(body)
        shown = (("f", "products"),)
        if before is None:
            row = {"type": "goods", **template, "default_uom": self._unit(), "products": [["create", [product]]]}
            return "POST", "product.template", None, row, shown
        if product:
            template["products"] = [["write", [int(change.record_id)], product]]
        return "PUT", "product.template", int(before["template"]), template, shown

    def _deleted(self, change: Change, before: Row, form: Form) -> tuple[str, int]:
        """An item goes with its template, unless other products are made from it too."""
        number = int(change.record_id)
        if change.data_type != "items":
            return form.model, number
        siblings = rows(self.server, "product.product", ("id",), domain=[["template", "=", before["template"]]])
        return ("product.template", int(before["template"])) if len(siblings) < 2 else ("product.product", number)

    def _countries(self, body: Row) -> dict[str, int]:
        given = body.get("addresses")
        codes = {one.get("country") for one in given if isinstance(one, dict)} if isinstance(given, list) else set()
        wanted = sorted(code for code in codes if isinstance(code, str) and code)
        found = rows(self.server, "country.country", ("code",), domain=[["code", "in", wanted]]) if wanted else []
        return {row["code"]: row["id"] for row in found}

    def _unit(self) -> int:
        for domain in ([["symbol", "=", _CODE_OF_A_PIECE]], None):
            if found := rows(self.server, "product.uom", ("id",), domain=domain, limit=1):
                return int(found[0]["id"])
        raise PushRejected([PushIssue("", "Tryton holds no unit of measure, which every product needs.", "Item")])

    # --- sending, and what came of it

    def _send(
        self,
        change: Change,
        method: str,
        model: str,
        number: int | None,
        body: Row | None,
        shown: tuple[tuple[str, str], ...],
    ) -> Row:
        url = self.server.model_url(model) + (f"/{number}" if number is not None else "")
        try:
            answer = ask(self.server, method, url, params=shown, body=body)
        except ConnectorError as error:
            raise self._ending(change, error) from error
        if answer.status == 204:
            return {}
        try:
            found = decoded(answer)
        except ConnectorError as error:
            headline = "Tryton took the write, but its answer cannot be read, so its key is not known."
            raise OutcomeUnknown(headline, upstream=error.upstream, status_code=answer.status) from error
        return found if isinstance(found, dict) else {}

    def _ending(self, change: Change, error: ConnectorError) -> ConnectorError:
        if error.status_code != 400 or not error.sent:
            return ending_of(error)
        form = FORMS.get(change.data_type)
        words = error.upstream or "It gave no reason."
        item_id = self._member_named(form, words) if form else ""
        issue = PushIssue(item_id, words, form.name if form else "Attachment")
        return PushRejected([issue], f"Tryton refused the record: {words}", upstream=words, status_code=400)

    def _member_named(self, form: Form, words: str) -> str:
        """Tryton names a field by its label; the label is looked up, and one that is not ours names nothing."""
        label = _FIELD.search(words)
        if label is None:
            return ""
        try:
            described = self._described(form)
        except ConnectorError:
            return ""
        for member in form.members:
            if described[member.model].get(member.field, {}).get("string") == label[1]:
                return pascal(member.path)
        return ""

    def _receipt(self, change: Change, row: Row) -> PushReceipt:
        if change.operation is Operation.DELETE:
            return PushReceipt((Written(change.record_id),))
        if change.operation is Operation.UPLOAD:
            return PushReceipt((Written(change.record_id),), attachment_id=_key(row.get("id")))
        source_id = change.record_id or _key(row["products"][0] if row.get("products") else row.get("id"))
        try:
            found = self.read(change.data_type, int(source_id))
        except ConnectorError:  # it is written; that it cannot be shown at once changes nothing
            found = None
        return PushReceipt((found[0] if found else Written(source_id),))


def _form(data_type: str) -> Form:
    if data_type not in FORMS:
        raise NotSupported(f"Tryton is not asked to write {data_type}.")
    return FORMS[data_type]


def _key(value: Any) -> str:
    if type(value) is not int:
        raise OutcomeUnknown("Tryton took the write, but does not say which key it gave.")
    return str(value)


def _require_members(form: Form, body: Mapping[str, Any], *, is_new: bool) -> None:
    """Members that Tryton would take empty, though nobody could then read the record."""
    for member in form.members:
        given = body.get(member.path)
        if member.required and (given in (None, "") if is_new else member.path in body and given in (None, "")):
            raise RecordRefused(member.path, "must be provided")


def _path(types: Mapping[int, Row], key: int | None) -> str:
    names: list[str] = []
    while key is not None and key in types and len(names) < 20:
        names.append(types[key]["name"])
        key = types[key]["parent"]
    return " > ".join(reversed(names))


def _grow(top: dict[str, Any], member: Member, option: PushOption) -> None:
    *outer, last = member.path.split(".")
    for name in outer:
        top = top[name][1]
    top[last] = (option, {})


def _built(tree: Mapping[str, Any]) -> dict[str, PushOption]:
    return {
        name: PushOption(
            option.type,
            option.display_name,
            option.description,
            option.required,
            _built(inner),
            option.options,
            option.warnings,
            option.information,
        )
        for name, (option, inner) in tree.items()
    }
