"""Writes: checked, done once for each key, logged, and refused when the copy they were made on is out of date."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from hashlib import sha256
from threading import Lock
from typing import Any

import msgspec

from syncengine.sandbox.attached import MOST_BYTES, WITH_FILES, TooManyFiles
from syncengine.sandbox.books import Record, encode
from syncengine.sandbox.forms import FORMS, Form
from syncengine.sandbox.ledger import DOCUMENT_OF, SETTLED_BY, completed, found, own_faults, settle
from syncengine.sandbox.messages import Answer, Refusal, Request, json_answer, raw_answer
from syncengine.sandbox.rules import Fault, faults, known
from syncengine.sandbox.shelf import Shelf, merged
from syncengine.sandbox.shop import Shop

KEYS_KEPT, LOG_KEPT = 10_000, 50_000
_MARKER = "client_ref"
_MOST_KEY = 255


class Invalid(Refusal):
    """A record that breaks the rules: each fault says where, and what is wrong."""

    def __init__(self, wrong: Sequence[Fault]) -> None:
        super().__init__(422, "invalid", "The record was not accepted; see errors.")
        self.wrong = tuple(wrong)

    def answer(self) -> Answer:
        errors = [{"path": place, "message": message} for place, message in self.wrong]
        return json_answer({"error": {"code": self.code, "message": self.message, "errors": errors}}, self.status)


class Writer:
    """
    log:  every write that was done, the oldest first; a replay is none.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._lock = Lock()
        self._answers: OrderedDict[tuple[str, str], tuple[bytes, Answer | None]] = OrderedDict()
        self.log: deque[Record] = deque(maxlen=LOG_KEPT)

    def handle(self, request: Request, business: str, kind: str, which: str, further: str) -> Answer:
        """Raises: Refusal, NoSuchRecord."""
        key = request.headers.get("idempotency-key", "")
        if len(key) > _MOST_KEY:
            raise Refusal(400, "bad_key", f"Idempotency-Key: {_MOST_KEY} characters at most.")
        if not key:
            return self._do(request, business, kind, which, further)
        return self._once(key, request, business, kind, which, further)

    def clear(self) -> None:
        self._answers.clear()
        self.log.clear()

    def _once(self, key: str, request: Request, business: str, kind: str, which: str, further: str) -> Answer:
        """Do it, or answer again what was answered to this key. A refusal frees the key."""
        place = (business, key)
        print_ = sha256(f"{request.method} {request.path}\n".encode() + request.body).digest()
        with self._lock:
            if place in self._answers:
                return _replayed(print_, *self._answers[place])
            self._answers[place] = (print_, None)
        try:
            answer = self._do(request, business, kind, which, further)
        except BaseException:
            with self._lock:
                self._answers.pop(place, None)
            raise
        with self._lock:
            self._answers[place] = (print_, answer)
            while len(self._answers) > KEYS_KEPT:
                self._answers.popitem(last=False)
        return answer

    def _do(self, request: Request, business: str, kind: str, which: str, further: str) -> Answer:
        act = _Act(self._shop, business, request)
        with self._shop.writing(business):
            match (request.method, which, further):
                case ("POST", "", ""):
                    answer = act.create(kind)
                case ("PUT", _, "") if which:
                    answer = act.update(kind, which)
                case ("DELETE", _, "") if which:
                    answer = act.delete(kind, which)
                case ("POST", _, "files") if which and kind in WITH_FILES:
                    answer = act.upload(kind, which)
                case ("POST", _, "transactions") if kind == "bank_accounts" and which:
                    answer = act.book(which)
                case _:
                    raise Refusal(405, "method_not_allowed", "This cannot be written so.")
            self.log.extend({**entry, **_said(request), "business": business} for entry in act.log)
            self._shop.save()
        return answer


class _Act:
    """One write under way, within the business's lock."""

    def __init__(self, shop: Shop, business: str, request: Request) -> None:
        self._shop, self._business, self._request = shop, business, request
        self.log: list[Record] = []

    def create(self, kind: str) -> Answer:
        form = _form(kind, "create")
        return raw_answer(self._added(kind, form, self._request.json()), 201)

    def book(self, account_id: str) -> Answer:
        """Transactions of one bank account, all or none."""
        self._shelf("bank_accounts").number(account_id)
        given = self._request.json().get("transactions")
        if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
            raise Invalid([("transactions", "must hold at least one transaction.")])
        form = FORMS["bank_transactions"]
        wrong = [
            (f"transactions[{at}].{place}", message)
            for at, one in enumerate(given)
            for place, message in faults(known(one, form.rules), form.rules, self._exists)
        ]
        if wrong:
            raise Invalid(wrong)
        mark = self._marker(self._request.json())
        rows = [self._added("bank_transactions", form, {**one, **mark}, bank_account_id=account_id) for one in given]
        return raw_answer(b'{"transactions":[' + b",".join(rows) + b"]}", 201)

    def update(self, kind: str, which: str) -> Answer:
        form, shelf = _form(kind, "update"), self._shelf(kind)
        n = shelf.number(which)
        self._require_unmodified(shelf, n)
        given = known(self._request.json(), form.rules)
        before = msgspec.json.decode(shelf.record(n))
        if kind in DOCUMENT_OF:
            self._settle(kind, before, undo=True)
        try:
            content = self._checked(kind, form, given, merged(before, given))
        except Invalid:
            content = before
            raise
        finally:
            if kind in DOCUMENT_OF:
                self._settle(kind, content)
        self._note(kind, "update", which)
        return raw_answer(shelf.replace(n, content, _now()))

    def delete(self, kind: str, which: str) -> Answer:
        form, shelf = _form(kind, "delete"), self._shelf(kind)
        n = shelf.number(which)
        self._require_unmodified(shelf, n)
        content = msgspec.json.decode(shelf.record(n))
        if form.used and n < shelf.size:
            raise Invalid([("", "is used by documents and cannot be deleted.")])
        if content.get(SETTLED_BY.get(kind, "")):
            raise Invalid([("", "has payments and cannot be deleted.")])
        if kind in DOCUMENT_OF:
            self._settle(kind, content, undo=True)
        shelf.delete(n, _now())
        self._note(kind, "delete", which)
        return Answer(204)

    def upload(self, kind: str, which: str) -> Answer:
        shelf = self._shelf(kind)
        n = shelf.number(which)
        name, content_type, content = _part(self._request, "file")
        if len(content) > MOST_BYTES:
            raise Invalid([("file", f"must not be larger than {MOST_BYTES >> 20} MiB.")])
        try:
            paper = self._shop.attached.add(self._business, shelf, n, name, content_type, content)
        except TooManyFiles:
            raise Invalid([("file", "cannot be added: the record holds as many files as it may.")]) from None
        self._note(kind, "upload", which, file_id=paper.id)
        return json_answer(paper.shown(), 201)

    def _added(self, kind: str, form: Form, body: Mapping[str, Any], **own: Any) -> bytes:
        shelf = self._shelf(kind)
        given = known(body, form.rules)
        content = self._checked(kind, form, given, merged(dict(form.skeleton), given))
        content = {"id": shelf.next_id(), **content, **own, **self._marker(body)}
        if kind in ("invoices", "credit_notes", "bill_credit_notes", "purchase_orders"):
            content["number"] = content.get("number") or f"W-{content['id'].rpartition('_')[2]}"
        if kind in DOCUMENT_OF:
            self._settle(kind, content)
        row = shelf.add(content, _now())
        self._note(kind, "create", content["id"], client_ref=content.get(_MARKER))
        return row

    def _checked(self, kind: str, form: Form, given: Mapping[str, Any], content: Record) -> Record:
        """Raises: Invalid with every fault there is."""
        told = {
            name: rule
            for name, rule in form.rules.items()
            if name in given or (rule.required and content.get(name) in (None, ""))
        }
        wrong = list(faults(content, told, self._exists))
        if not wrong:
            content = completed(kind, content, self._shelf)
            wrong = list(own_faults(kind, given, content, self._shelf))
        if wrong:
            raise Invalid(wrong)
        return content

    def _settle(self, kind: str, payment: Record, *, undo: bool = False) -> None:
        for documents, which, document in settle(kind, payment, self._shelf, undo=undo):
            shelf = self._shelf(documents)
            shelf.replace(shelf.number(which), document, _now())

    def _marker(self, body: Mapping[str, Any]) -> Record:
        mark = body.get(_MARKER)
        if mark is None:
            return {}
        if not isinstance(mark, str) or not 0 < len(mark) <= 100:
            raise Invalid([(_MARKER, "must be a text of at most 100 characters.")])
        return {_MARKER: mark}

    def _require_unmodified(self, shelf: Shelf, n: int) -> None:
        text = self._request.headers.get("x-unmodified-since")
        if not text:
            return
        try:
            since = datetime.fromisoformat(text)
        except ValueError:
            raise Refusal(400, "bad_header", "X-Unmodified-Since: give a time such as 2026-01-31T08:00:00Z.") from None
        since = since if since.tzinfo else since.replace(tzinfo=UTC)
        if shelf.stamp(n) > since:
            raise Refusal(412, "changed", f"The record was changed at {shelf.stamp(n).isoformat()}.")

    def _shelf(self, kind: str) -> Shelf:
        return self._shop.shelf(self._business, kind)

    def _exists(self, kind: str, which: str) -> bool:
        return found(self._shelf, kind, which) is not None

    def _note(self, kind: str, operation: str, which: str, **more: Any) -> None:
        self.log.append({"at": _now(), "type": kind, "operation": operation, "id": which, **more})


def marked(shelf: Shelf, mark: str) -> list[bytes]:
    """The records that bear this `client_ref`, in the order they came."""
    wanted = encode({_MARKER: mark})[1:-1]
    return [row for row in shelf.added() if wanted in row and msgspec.json.decode(row).get(_MARKER) == mark]


def _form(kind: str, operation: str) -> Form:
    form = FORMS.get(kind)
    if form is None or operation not in form.can or (kind == "bank_transactions"):
        raise Refusal(405, "method_not_allowed", f"This platform cannot {operation} {kind} so.")
    return form


def _replayed(print_: bytes, kept: bytes, answer: Answer | None) -> Answer:
    if print_ != kept:
        raise Refusal(422, "key_reused", "Idempotency-Key: it was used for another request.")
    if answer is None:
        raise Refusal(409, "key_in_use", "Idempotency-Key: the first request with it is still being worked on.")
    return Answer(answer.status, answer.body, {**answer.headers, "Idempotent-Replayed": "true"})


def _part(request: Request, name: str) -> tuple[str, str, bytes]:
    """One part of a multipart form: its file name, its type and its bytes. Raises: Refusal."""
    kind = request.headers.get("content-type", "")
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + request.body
    )
    parts = message.iter_parts() if kind.startswith("multipart/form-data") else ()
    for part in parts:
        if isinstance(part, Message) and part.get_param("name", header="content-disposition") == name:
            content = part.get_payload(decode=True)
            if isinstance(content, bytes) and part.get_filename():
                return str(part.get_filename())[:255], part.get_content_type(), content
    raise Invalid([(name, "must be provided.")])


def _said(request: Request) -> Record:
    return {"idempotency_key": request.headers.get("idempotency-key"), "method": request.method, "path": request.path}


def _now() -> datetime:
    return datetime.now(UTC)
