"""The Fetching stage: pages come in, one ahead of the one being mapped, and each is staged with the next cursor."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from datetime import timedelta
from itertools import batched

from django.conf import settings
from django.db import connections
from django.utils.timezone import now

from syncengine.authorisation import credentials_for, open_session, refreshed
from syncengine.connectors.base import Connector, Credentials, Cursor, FetchPlan, Page
from syncengine.exceptions import AuthExpired, BadAnswer, ConnectorMissing, RateLimited, SourceUnavailable
from syncengine.failpoints import reach
from syncengine.models import Dataset, SourceRequest, ValidationIssue
from syncengine.outbound import Exchange, Session
from syncengine.processes import stopping
from syncengine.run.lease import Hold, Paused, Stopping
from syncengine.run.mapping import Mapping, write_issues
from syncengine.run.staging import write_page
from syncengine.states import Stage

WAIT_HERE_SECONDS = 5  # longer waits give the worker back
MAX_PAUSES = 10  # times in a row that one page may be put off
MAX_LOGGED = 500  # requests kept of one dataset: the first half, then refusals only


def fetch(hold: Hold, connector: Connector, plan: FetchPlan) -> None:
    """Read and stage every page from where the last attempt stopped.

    Raises: ConnectorError subclasses, Paused, CancelRequested, LeaseLost.
    """
    dataset = hold.dataset
    if dataset.fetch_done:
        return
    mapping = Mapping(dataset, connector, plan.data_type)
    with Source(hold, connector, plan) as source:
        for page in _pages(hold, source):
            _stage(hold, page, source.take_log(), mapping, source.asked_us)


class Source:
    """The platform as this dataset sees it: one session, one authorisation, one page in flight."""

    def __init__(self, hold: Hold, connector: Connector, plan: FetchPlan) -> None:
        self.hold, self.connector, self.plan = hold, connector, plan
        self.connection = hold.dataset.connection
        self._log: list[Exchange] = []
        self._asked_ns = 0
        self.asked_us = 0  # of the page that came last: when it was asked for
        self._sign_of_life = time.monotonic()
        self._session = self._open(credentials_for(self.connection, connector))
        self._ahead: Future[Page] | None = None
        self._pool = ThreadPoolExecutor(1, "fetch") if settings.HEADRACE_PREFETCH else None

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep the log whatever happened, and leave no thread or socket behind."""
        self._session.close()
        if self._pool:
            # The thread has a database connection of its own (shared limits); it must close it itself.
            self._pool.submit(connections.close_all)
            # A request that was abandoned (cancelled, lease lost) ends by its own time limit; nobody waits for it.
            self._pool.shutdown(wait=self._ahead is None or self._ahead.done())
        self._keep_rest_of_log()

    def start(self, cursor: Cursor | None) -> None:
        """Begin reading one page; `page` returns it."""
        reach("before_fetch")
        read: Callable[[], Page] = lambda: self.connector.fetch_page(self.plan, cursor, self._session)  # noqa: E731
        self._sign_of_life = time.monotonic()
        self._asked_ns = time.time_ns()
        if self._pool:
            self._ahead = self._pool.submit(read)
        else:
            self._ahead = Future()
            _settle(self._ahead, read)

    def page(self) -> Page:
        """Wait for the page that was started. The lease is kept only while bytes or tries show that it lives."""
        if self._ahead is None:
            raise RuntimeError("No page was started.")
        while True:
            try:
                page = self._ahead.result(timeout=min(1.0, settings.HEADRACE_LEASE_SECONDS / 4))
            except StillRunning:
                if self._ahead.done():
                    continue
                if time.monotonic() - self._sign_of_life < settings.HEADRACE_FIRST_BYTE_SECONDS + 5:
                    self.hold.keep()
            else:
                reach("after_fetch")
                self.asked_us = self._asked_ns // 1000
                return page

    def reauthorise(self) -> None:
        """Raises: AuthExpired when the platform gives no new token."""
        fresh = refreshed(self.connection, self.connector, seen=self.connection.credentials_version)
        self._session.close()
        self._session = self._open(fresh)

    def take_log(self) -> list[Exchange]:
        taken, self._log = self._log, []
        return taken

    # Observer of the session; called from the thread that reads.

    def progressed(self) -> None:
        self._sign_of_life = time.monotonic()

    def answered(self, exchange: Exchange) -> None:
        self._log.append(exchange)

    def _open(self, credentials: Credentials) -> Session:
        return open_session(self.connection, self.connector, credentials, self.plan.settings, observer=self)

    def _keep_rest_of_log(self) -> None:
        rest = self.take_log()
        if rest:
            dataset = self.hold.dataset
            with self.hold.writing(
                request_count=dataset.request_count + len(rest),
                fetched_bytes=dataset.fetched_bytes + sum(exchange.response_bytes for exchange in rest),
            ):
                _write_log(self.hold, rest)


def _settle(future: Future[Page], read: Callable[[], Page]) -> None:
    try:
        future.set_result(read())
    except Exception as error:
        future.set_exception(error)


def _pages(hold: Hold, source: Source) -> Iterator[Page]:
    cursor = hold.dataset.cursor
    source.start(cursor)
    while True:
        page = _page_with_patience(hold, source, cursor)
        _check_page(hold.dataset, page, cursor)
        cursor = page.cursor
        if cursor is not None:
            source.start(cursor)
        yield page
        if cursor is None:
            return


def _page_with_patience(hold: Hold, source: Source, cursor: Cursor | None) -> Page:
    """Return the page, trying again where another try may help and nothing can be harmed: reads only read."""
    tries, renewed = 0, False
    while True:
        try:
            return source.page()
        except RateLimited as error:
            _wait_or_pause(hold, error)
        except ConnectorMissing:
            raise
        except SourceUnavailable as error:
            tries += 1
            if tries > settings.HEADRACE_RETRIES:
                raise
            hold.wait(_backoff(tries, error.retry_after))
        except AuthExpired:
            if renewed:
                raise
            renewed = True
            source.reauthorise()
        hold.look(every=0)
        source.start(cursor)


def _backoff(tries: int, asked: float | None) -> float:
    longest = settings.HEADRACE_RETRY_BASE_SECONDS * 2 ** (tries - 1)
    return max(asked or 0.0, random.uniform(longest / 2, longest))  # noqa: S311 - spreads load, guards nothing


def _wait_or_pause(hold: Hold, error: RateLimited) -> None:
    dataset = hold.dataset
    until = now() + timedelta(seconds=error.retry_after)
    if until > dataset.requested_at + timedelta(seconds=settings.HEADRACE_MAX_WAIT_SECONDS):
        raise error
    if dataset.retry_count >= MAX_PAUSES:
        raise error
    with hold.writing(retry_count=dataset.retry_count + 1):
        pass
    if error.retry_after > WAIT_HERE_SECONDS:
        raise Paused(until, f"Paused until {until:%Y-%m-%dT%H:%M:%S}Z. {error.headline}")
    hold.wait(error.retry_after)


def _check_page(dataset: Dataset, page: Page, cursor: Cursor | None) -> None:
    if page.cursor is not None and page.cursor == cursor:
        raise BadAnswer("The platform keeps naming the same page as the next one.")
    if dataset.request_count >= settings.HEADRACE_MAX_PAGES:
        raise BadAnswer(f"The platform sent more than {settings.HEADRACE_MAX_PAGES} pages without coming to an end.")


def _stage(hold: Hold, page: Page, log: list[Exchange], mapping: Mapping, asked_us: int) -> None:
    """Map a page, and write it, where the next one starts, and what was asked, in one transaction."""
    dataset = hold.dataset
    chunks = list(batched(page.records, settings.HEADRACE_STORAGE_CHUNK)) or [()]
    with hold.timing(Stage.MAP):
        mapped = [mapping.page(chunk, ()) for chunk in chunks]
    mapped[-1][0].known.extend(page.known or ())
    issues = [issue for _, found in mapped for issue in found]
    with hold.writing(
        cursor=page.cursor,
        fetch_done=page.cursor is None,
        page_count=dataset.page_count + len(mapped),
        fetched_count=dataset.fetched_count + len(page.records),
        mapped_count=dataset.mapped_count + len(page.records) - len(issues),
        invalid_count=dataset.invalid_count + len(issues),
        fetched_bytes=dataset.fetched_bytes + sum(exchange.response_bytes for exchange in log),
        request_count=dataset.request_count + len(log),
        source_total=page.total if page.total is not None else dataset.source_total,
        lists_known=dataset.lists_known or page.known is not None,
        warning_count=dataset.warning_count + len(page.warnings),
        retry_count=0,
    ):
        for number, (content, _) in enumerate(mapped, start=dataset.page_count):
            content.asked_us = asked_us
            write_page(dataset, number, content)
        write_issues(dataset, issues)
        _write_log(hold, log)
        _write_warnings(dataset, page)
    hold.look()
    if stopping():
        raise Stopping


def _write_log(hold: Hold, log: list[Exchange]) -> None:
    dataset = hold.dataset
    if not log:
        return
    # Of the first attempt's first page nothing can be there yet.
    first = hold.fence == 1 and dataset.request_count == 0
    kept = 0 if first else SourceRequest.objects.filter(dataset=dataset).count()
    wanted = [exchange for exchange in log if kept < MAX_LOGGED // 2 or (exchange.error_message and kept < MAX_LOGGED)]
    SourceRequest.objects.bulk_create(
        SourceRequest(
            dataset=dataset,
            sequence=sequence,
            sent_at=exchange.sent_at,
            method=exchange.method,
            url=exchange.url,
            status_code=exchange.status_code,
            duration_ms=exchange.duration_ms,
            response_bytes=exchange.response_bytes,
            request_headers=exchange.request_headers,
            response_headers=exchange.response_headers,
            error_message=exchange.error_message,
            excerpt=exchange.excerpt,
        )
        for sequence, exchange in enumerate(wanted, start=kept + 1)
    )


def _write_warnings(dataset: Dataset, page: Page) -> None:
    if not page.warnings:
        return
    ValidationIssue.objects.bulk_create(
        ValidationIssue(
            dataset=dataset,
            stage=Stage.FETCH,
            severity=ValidationIssue.WARNING,
            rule_id="answer-mended",
            message=warning,
        )
        for warning in page.warnings
    )
