"""The platform: who asks for what, and may they."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape
from threading import Event, Lock
from typing import Any

from syncengine.sandbox.attached import PRINTED, WITH_FILES, Paper, printed
from syncengine.sandbox.books import encode
from syncengine.sandbox.businesses import BUSINESSES
from syncengine.sandbox.chart import MONTHS_KEPT
from syncengine.sandbox.faults import FAULTS, Fault, Switchboard
from syncengine.sandbox.forms import FORMS
from syncengine.sandbox.grants import Grant, Grants
from syncengine.sandbox.kinds import KINDS, REPORTS
from syncengine.sandbox.listing import list_page
from syncengine.sandbox.messages import Answer, Delivery, Refusal, Request, html_answer, json_answer, raw_answer
from syncengine.sandbox.oauth import OAuth
from syncengine.sandbox.options import Options
from syncengine.sandbox.shelf import NoSuchRecord, Shelf
from syncengine.sandbox.shop import Shop
from syncengine.sandbox.spoil import spoiled_body, whole_answer
from syncengine.sandbox.writing import Writer, marked

_API = "/api/v1/"
_RESET = Answer(0, delivery=Delivery(reset=True))
_LOG_KEPT = 20_000


class Meter:
    """A bucket of requests for each grant, refilled all the time."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._lock = Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, grant: str) -> float:
        """0.0 when granted, else the seconds to wait."""
        if not self.per_minute:
            return 0.0
        with self._lock:
            now = time.monotonic()
            left, at = self._buckets.get(grant, (float(self.per_minute), now))
            left = min(self.per_minute, left + (now - at) * self.per_minute / 60)
            granted = left >= 1
            self._buckets[grant] = (left - granted, now)
            return 0.0 if granted else (1 - left) * 60 / self.per_minute

    def set_rate(self, per_minute: int) -> None:
        with self._lock:
            self.per_minute = per_minute
            self._buckets.clear()


class Platform:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.shop = Shop(options)
        self.grants = Grants(options)
        self.switches = Switchboard()
        self.meter = Meter(options.requests_per_minute)
        self.writer = Writer(self.shop)
        self.is_stopping = Event()
        self.log: deque[dict[str, Any]] = deque(maxlen=_LOG_KEPT)
        self._oauth = OAuth(options, self.grants)

    def handle(self, request: Request) -> Answer:
        """Answer anything but /_control/."""
        entry = {"at": datetime.now(UTC), "method": request.method, "path": request.path, "query": dict(request.query)}
        try:
            answer = self._route(request)
        except Refusal as refusal:
            answer = refusal.answer()
        self.log.append({**entry, "status": answer.status})
        return answer

    def _route(self, request: Request) -> Answer:
        if request.path.startswith(_API):
            return self._api(request)
        pages: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "/"): self._front_page,
            ("GET", "/health"): lambda _: json_answer({"status": "ok"}),
            ("GET", "/oauth/authorize"): self._oauth.authorize,
            ("POST", "/oauth/authorize"): self._oauth.authorize,
            ("POST", "/oauth/token"): self._token,
            ("POST", "/oauth/revoke"): self._oauth.revoke,
        }
        page = pages.get((request.method, request.path))
        if page is None:
            known = any(path == request.path for _, path in pages)
            raise Refusal(405, "method_not_allowed", "Not this way.") if known else _not_found(request.path)
        return page(request)

    def _token(self, request: Request) -> Answer:
        faults = self.switches.take(None, "oauth-token", None, request.method)
        answer = _first_whole(faults, "oauth-token") or self._oauth.token(request)
        return spoiled_body(faults, answer)

    def _api(self, request: Request) -> Answer:
        grant = self._grant(request)
        kind, _, wanted = request.path.removeprefix(_API).removeprefix("reports/").strip("/").partition("/")
        faults = self.switches.take(grant.business, kind, grant.id, request.method)
        answer = _first_whole(faults, kind)
        if answer is None and request.method != "GET":
            self._meter(grant)
            answer = self._write(request, grant, kind, wanted, faults)
        elif answer is None:
            self._meter(grant)
            is_report = request.path.startswith(f"{_API}reports/")
            answer = (
                self._report(request, grant, kind) if is_report else self._records(request, grant, kind, wanted, faults)
            )
        return answer if answer.delivery.reset else spoiled_body(faults, answer)

    def _grant(self, request: Request) -> Grant:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self.grants.grant_for(token.strip()) if scheme.lower() == "bearer" else None
        if grant is None:
            raise Refusal(
                401,
                "invalid_token",
                "The access token is missing, has expired or was revoked.",
                **{"WWW-Authenticate": 'Bearer realm="sandbox", error="invalid_token"'},
            )
        return grant

    def _meter(self, grant: Grant) -> None:
        wait = self.meter.take(grant.id)
        if wait:
            seconds = str(math.ceil(wait))
            raise Refusal(
                429, "rate_limited", f"More than {self.meter.per_minute} requests a minute.", **{"Retry-After": seconds}
            )

    def _records(self, request: Request, grant: Grant, name: str, wanted: str, faults: Sequence[Fault]) -> Answer:
        if name not in KINDS:
            raise _not_found(request.path)
        shelf = self.shop.shelf(grant.business, name)
        if shelf.kind.style == "single" and not wanted:
            return raw_answer(b'{"%s":%s}' % (name.encode(), shelf.record(0)))
        if not wanted and request.query.get("client_ref"):
            listed = b"[" + b",".join(marked(shelf, request.query["client_ref"])) + b"]"
            return raw_answer(listed if shelf.kind.style == "link" else b'{"%s":%s}' % (name.encode(), listed))
        if not wanted:
            return list_page(request, shelf, faults)
        which, _, further = wanted.partition("/")
        try:
            n = shelf.number(which)
            return self._of_record(request, grant, shelf, n, further) if further else raw_answer(shelf.record(n))
        except NoSuchRecord:
            raise _not_found(request.path) from None

    def _of_record(self, request: Request, grant: Grant, shelf: Shelf, n: int, further: str) -> Answer:
        """What belongs to a record: its files, one of them, its bytes; the document as a PDF."""
        match further.split("/"):
            case ["pdf"] if shelf.kind.name in PRINTED:
                return _file_answer(printed(shelf, n))
            case ["files", *rest] if shelf.kind.name in WITH_FILES:
                papers = {paper.id: paper for paper in self.shop.attached.papers(grant.business, shelf, n)}
                match rest:
                    case []:
                        return json_answer({"files": [paper.shown() for paper in papers.values()]})
                    case [wanted] if wanted in papers:
                        return json_answer(papers[wanted].shown())
                    case [wanted, "content"] if wanted in papers:
                        return _file_answer(papers[wanted])
        raise _not_found(request.path)

    def _write(self, request: Request, grant: Grant, kind: str, wanted: str, faults: Sequence[Fault]) -> Answer:
        """Do a write, unless a switch is in its way."""
        if not grant.may_write:
            raise Refusal(403, "insufficient_scope", "The consent was given for reading only.")
        if kind not in FORMS:
            raise Refusal(405, "method_not_allowed", f"{kind} can only be read.", Allow="GET")
        on = {fault.fault: fault for fault in faults}
        if "stall" in on:
            seconds = on["stall"].seconds
            if self.is_stopping.wait(30 if seconds is None else seconds):
                return _RESET
        if "reset-before" in on:
            return _RESET
        which, _, further = wanted.partition("/")
        try:
            answer = self.writer.handle(request, grant.business, kind, which, further)
        except NoSuchRecord:
            raise _not_found(request.path) from None
        if "reset-after" in on:
            return _RESET
        if "error-after" in on:
            raise Refusal(on["error-after"].status, "internal", "Something went wrong on our side.")
        return answer

    def _report(self, request: Request, grant: Grant, name: str) -> Answer:
        if name not in REPORTS:
            raise _not_found(request.path)
        text = request.query.get("months") or "12"
        if not text.isascii() or not text.isdigit() or int(text[:6]) < 1:
            raise Refusal(400, "bad_parameter", "months: give a whole number from 1 on.")
        books = self.shop.books[grant.business]
        return raw_answer(encode(REPORTS[name](books, min(int(text[:6]), MONTHS_KEPT))))

    def _front_page(self, request: Request) -> Answer:
        rows = "".join(
            f"<tr><td>{escape(own.name)}<td><code>{own.id}</code><td>{own.currency}"
            f"<td>{self.shop.shelf(own.id, 'invoices').size:,}"
            for own in BUSINESSES.values()
        )
        on = {fault.fault for fault in self.switches.active()}
        switches = "".join(
            f"<tr><td><code>{name}</code>{' <b>(on)</b>' if name in on else ''}<td>{escape(text)}"
            for name, text in FAULTS.items()
        )
        return html_answer(
            "Sandbox accounting platform",
            "<p>An accounting platform with invented books, for trying out what reads them. "
            "Nothing here is anybody’s.</p>"
            f"<table><tr><th>Business<th>Id<th>Currency<th>Invoices{rows}</table>"
            f"<h2>Switches</h2><table>{switches}</table>",
        )


def _file_answer(paper: Paper) -> Answer:
    plain = "".join(sign if sign.isascii() and sign.isprintable() and sign not in '\\"' else "_" for sign in paper.name)
    disposition = f'attachment; filename="{plain}"'
    return Answer(200, paper.content, {"Content-Type": paper.content_type, "Content-Disposition": disposition})


def _first_whole(faults: Sequence[Fault], kind: str) -> Answer | None:
    answers = (whole_answer(fault, kind) for fault in faults)
    return next((answer for answer in answers if answer is not None), None)


def _not_found(path: str) -> Refusal:
    return Refusal(404, "not_found", f"There is nothing at {path}.")
