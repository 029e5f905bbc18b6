"""Each paging style against a real local server, and everything a plan adds to a request."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from werkzeug import Request, Response

from syncengine.connectors.base import Credentials, FetchPlan, HttpAnswer, LinkStart, MappedRecord, Page
from syncengine.connectors.paging import SAME_PAGE
from syncengine.connectors.stamps import stamp_text
from syncengine.connectors.wire import MENDED
from syncengine.exceptions import AuthExpired, BadAnswer, NotSupported, PrerequisiteMissing, SourceRefused
from syncengine.states import ReadMode
from tests.syncengine.connectors.helpers import CUSTOMERS, HEAD, PlainHttp, make_connector

IDS = [f"c{number}" for number in range(7)]
SINCE = datetime(2026, 1, 31, 8, 0, 5, 999_999, tzinfo=UTC)


def make_plan(base="", data_type="customers", mode=ReadMode.FULL, **options):
    settings = {"base_url": base, **options.pop("settings", {})}
    return FetchPlan("demo", data_type, mode, settings=settings, **options)


def base_of(httpserver):
    return httpserver.url_for("").rstrip("/")


def read(connector, httpserver, http=None, most=50, **options):
    """Return the keys of each page of a whole read; every cursor goes through JSON, as when it is stored."""
    plan = make_plan(base_of(httpserver), **options)
    http = http or PlainHttp()
    pages, cursor = [], None
    for _ in range(most):
        page = connector.fetch_page(plan, cursor, http)
        pages.append([json.loads(raw)["id"] for raw in page.records])
        if page.cursor is None:
            return pages
        cursor = json.loads(json.dumps(page.cursor))
    raise AssertionError(f"no end after {most} pages")


def rows(ids):
    return [{"id": one, "name": one.upper()} for one in ids]


def serve(httpserver, answer):
    """Answer each request by `answer(query) -> (body, headers)`; the query's last values count."""

    def handle(request: Request) -> Response:
        query = {name: values[-1] for name, values in parse_qs(request.query_string.decode()).items()}
        found = answer(query)
        body, headers = found if isinstance(found, tuple) else (found, {})
        return Response(json.dumps(body), content_type="application/json", headers=headers)

    httpserver.expect_request("/api/customers").respond_with_handler(handle)


def by_page(query, **more):
    page, size = int(query["page"]), int(query.get("size", 3))
    return {"data": rows(IDS[(page - 1) * size : page * size]), "meta": {"page": page, **more}}


PAGE = '[paging]\nstyle = "page"\nparam = "page"\nsize_param = "size"\nsize = 3'
THREE_PAGES = [["c0", "c1", "c2"], ["c3", "c4", "c5"], ["c6"]]


@pytest.mark.parametrize(
    ("rule", "meta", "pages"),
    [
        ('total = "meta.total"', {"total": 7}, THREE_PAGES),
        ('total = "meta.total"', {"total": "7"}, THREE_PAGES),
        ('pages = "meta.pages"', {"pages": 3}, THREE_PAGES),
        ('stop = "short"', {}, THREE_PAGES),
        ("", {}, [*THREE_PAGES, []]),
        ('total = "meta.total"', {"total": 1000}, [*THREE_PAGES, []]),
        ('total = "meta.total"', {"total": None}, [*THREE_PAGES, []]),
        ("max_size = 2", {}, [["c0", "c1"], ["c2", "c3"], ["c4", "c5"], ["c6"], []]),
    ],
)
def test_paging_by_number(httpserver, rule, meta, pages):
    serve(httpserver, lambda query: by_page(query, **meta))

    assert read(make_connector(HEAD, PAGE, rule, CUSTOMERS), httpserver) == pages


def test_paging_by_number_until_there_is_no_more(httpserver):
    serve(httpserver, lambda query: by_page(query, more=query["page"] != "2"))

    assert read(make_connector(HEAD, PAGE, 'more = "meta.more"', CUSTOMERS), httpserver) == THREE_PAGES[:2]


def test_pages_may_count_from_zero(httpserver):
    serve(httpserver, lambda query: by_page({**query, "page": int(query["page"]) + 1}))
    http = PlainHttp()

    assert read(make_connector(HEAD, PAGE, "first = 0\nstop = 'short'", CUSTOMERS), httpserver, http) == THREE_PAGES
    assert [path for _, path, _, _ in http.sent] == [f"/api/customers?page={page}&size=3" for page in range(3)]


def test_a_plan_may_ask_for_another_page_size(httpserver):
    serve(httpserver, by_page)

    assert read(make_connector(HEAD, PAGE, CUSTOMERS), httpserver, page_size=5) == [IDS[:5], IDS[5:], []]


def test_paging_by_offset(httpserver):
    def answer(query):
        offset = int(query["skip"])
        return {"data": rows(IDS[offset : offset + 3]), "count": 7}

    serve(httpserver, answer)
    paging = '[paging]\nstyle = "offset"\nparam = "skip"\nsize_param = "take"\nsize = 3\ntotal = "count"'

    assert read(make_connector(HEAD, paging, CUSTOMERS), httpserver) == THREE_PAGES


def test_paging_by_offset_goes_by_what_came_not_by_what_was_asked_for(httpserver):
    serve(httpserver, lambda query: {"data": rows(IDS[int(query["skip"]) :][:2])})
    paging = '[paging]\nstyle = "offset"\nparam = "skip"\nsize_param = "take"\nsize = 100'

    assert read(make_connector(HEAD, paging, CUSTOMERS), httpserver) == [IDS[:2], IDS[2:4], IDS[4:6], IDS[6:], []]


@pytest.mark.parametrize("end", [{}, {"next": None}, {"next": ""}, {"next": False}])
def test_paging_by_cursor(httpserver, end):
    follow = {None: ("t1", 0), "t1": (17, 3), "17": (None, 6)}

    def answer(query):
        token, at = follow[query.get("cursor")]
        return {"data": rows(IDS[at : at + 3]), "meta": end if token is None else {"next": token}}

    serve(httpserver, answer)
    paging = '[paging]\nstyle = "cursor"\nparam = "cursor"\nnext = "meta.next"'

    assert read(make_connector(HEAD, paging, CUSTOMERS), httpserver) == THREE_PAGES


def test_paging_by_the_last_records_key(httpserver):
    def answer(query):
        at = IDS.index(query["after"]) + 1 if "after" in query else 0
        return {"data": rows(IDS[at : at + 3]), "has_more": at + 3 < len(IDS)}

    serve(httpserver, answer)
    paging = '[paging]\nstyle = "cursor"\nparam = "after"\nlast = "id"'

    assert read(make_connector(HEAD, paging, 'more = "has_more"', CUSTOMERS), httpserver) == THREE_PAGES
    assert read(make_connector(HEAD, paging, CUSTOMERS), httpserver) == [*THREE_PAGES, []]


def test_an_empty_page_in_the_middle_does_not_end_a_read_by_cursor(httpserver):
    pages = {None: (["c0"], "a"), "a": ([], "b"), "b": (["c1"], None)}
    serve(httpserver, lambda query: {"data": rows(pages[query.get("c")][0]), "next": pages[query.get("c")][1]})

    assert read(
        make_connector(HEAD, '[paging]\nstyle = "cursor"\nparam = "c"\nnext = "next"', CUSTOMERS), httpserver
    ) == [["c0"], [], ["c1"]]


@pytest.mark.parametrize("absolute", [True, False])
def test_paging_by_link_in_the_answer(httpserver, absolute):
    start = base_of(httpserver) if absolute else ""

    def answer(query):
        at = int(query.get("at", 0))
        link = f"{start}/api/customers?at={at + 3}" if at + 3 < len(IDS) else None
        return {"data": rows(IDS[at : at + 3]), "_links": {"next": {"href": link}}}

    serve(httpserver, answer)
    http = PlainHttp()
    connector = make_connector(
        HEAD, '[paging]\nstyle = "link"\nnext = "_links.next.href"\nsize_param = "n"\nsize = 3', CUSTOMERS
    )

    assert read(connector, httpserver, http) == THREE_PAGES
    assert [path for _, path, _, _ in http.sent] == [
        "/api/customers?n=3",
        "/api/customers?at=3",
        "/api/customers?at=6",
    ]


def test_paging_by_link_header(httpserver):
    def answer(query):
        at = int(query.get("at", 0))
        links = '</api/customers?at=0>; rel="first"'
        if at + 3 < len(IDS):
            links += f', </api/customers?at={at + 3}&x=a,b>; title="a, b"; rel=next'
        return {"data": rows(IDS[at : at + 3])}, {"Link": links}

    serve(httpserver, answer)

    assert read(make_connector(HEAD, '[paging]\nstyle = "link"', CUSTOMERS), httpserver) == THREE_PAGES


def test_without_paging_one_answer_is_all(httpserver):
    serve(httpserver, lambda query: {"data": rows(IDS)})

    assert read(make_connector(HEAD, CUSTOMERS), httpserver) == [IDS]


# --- platforms that never come to an end


def test_a_platform_that_ignores_the_page_number(httpserver):
    serve(httpserver, lambda query: {"data": rows(IDS[:3]), "meta": {"total": 1000}})

    with pytest.raises(BadAnswer, match=SAME_PAGE):
        read(make_connector(HEAD, PAGE, 'total = "meta.total"', CUSTOMERS), httpserver)


def test_a_platform_that_names_the_same_cursor_again(httpserver):
    pages = iter(IDS)
    serve(httpserver, lambda query: {"data": rows([next(pages)]), "next": "again"})

    with pytest.raises(BadAnswer, match=SAME_PAGE):
        read(make_connector(HEAD, '[paging]\nstyle = "cursor"\nparam = "c"\nnext = "next"', CUSTOMERS), httpserver)


def test_a_platform_that_links_to_the_same_page(httpserver):
    serve(httpserver, lambda query: {"data": [], "next": "/api/customers"})

    with pytest.raises(BadAnswer, match=SAME_PAGE):
        read(make_connector(HEAD, '[paging]\nstyle = "link"\nnext = "next"', CUSTOMERS), httpserver)


@pytest.mark.parametrize("circle", [2, 3, 5, 7])
def test_a_platform_whose_pages_go_round_in_a_circle(httpserver, circle):
    def answer(query):
        at = int(query.get("c", 0))
        return {"data": rows([IDS[at % circle]]), "next": at + 1}

    serve(httpserver, answer)
    connector = make_connector(HEAD, '[paging]\nstyle = "cursor"\nparam = "c"\nnext = "next"', CUSTOMERS)

    with pytest.raises(BadAnswer, match=SAME_PAGE):
        read(connector, httpserver, most=4 * circle)


@pytest.mark.parametrize(
    "link", ["http://evil.example/api/customers", "https://127.0.0.1/x", "//evil.example/", "http://[x", "ftp://a/"]
)
def test_links_to_other_places_are_refused(httpserver, link):
    serve(httpserver, lambda query: {"data": rows(IDS[:1]), "next": link})

    with pytest.raises(BadAnswer, match="at another address than its own") as refusal:
        read(make_connector(HEAD, '[paging]\nstyle = "link"\nnext = "next"', CUSTOMERS), httpserver)

    assert refusal.value.upstream == link


@pytest.mark.parametrize(("style", "value"), [("cursor", {}), ("cursor", "x" * 9000), ("link", 5), ("cursor", True)])
def test_what_is_no_cursor_is_refused(httpserver, style, value):
    serve(httpserver, lambda query: {"data": rows(IDS[:1]), "next": value})

    with pytest.raises(BadAnswer, match="holds something else"):
        read(make_connector(HEAD, f'[paging]\nstyle = "{style}"\nparam = "c"\nnext = "next"', CUSTOMERS), httpserver)


# --- what is asked


RICH = """
[headers]
X-Tenant = "{tenant}"

[incremental]
param = "since"
query = { withDeleted = "true" }

[types.customers]
endpoint = "/{tenant}/customers"
records = "data"
key = "id"
query = { tenant = "{tenant}", expand = "all" }
not_before = { param = "from", format = "date" }
[types.customers.fields]
customerName = "name"

[types.profitAndLoss]
endpoint = "/pl"
single = true
months = { param = "months" }
[types.profitAndLoss.fields]
currency = "currency"
"""
TENANT = '[[connection_fields]]\nname = "tenant"\nlabel = "Tenant"\ndefault = "main"\n[auth]'
RICH_HEAD = HEAD.replace("[auth]", TENANT)


class Canned:
    """Implements Http: answers what it is told to, and keeps what it was asked."""

    def __init__(self, body=b'{"data": []}', status=200):
        self.body, self.status, self.asked = body, status, []

    def request(self, method, url, *, params=(), headers=None, json=None, form=None, accept=()):
        self.asked.append((method, url, list(params), dict(headers or {}), tuple(accept)))
        return HttpAnswer(self.status, {}, self.body, url)


def test_a_full_read_asks_for_everything():
    http = Canned()
    make_connector(RICH_HEAD, RICH).fetch_page(make_plan("https://x.example", settings={"tenant": "a/b c"}), None, http)

    assert http.asked == [
        (
            "GET",
            "https://x.example/api/a%2Fb%20c/customers",
            [("tenant", "a/b c"), ("expand", "all")],
            {"Accept": "application/json", "X-Tenant": "a/b c"},
            (),
        )
    ]


def test_an_incremental_read_asks_for_changes_and_an_empty_setting_takes_its_default():
    http = Canned()
    plan = make_plan(
        "https://x.example/",
        mode=ReadMode.INCREMENTAL,
        since=SINCE,
        not_before=datetime(2025, 1, 1, tzinfo=UTC),
        settings={"tenant": ""},
    )
    make_connector(RICH_HEAD, RICH).fetch_page(plan, None, http)

    assert http.asked == [
        (
            "GET",
            "https://x.example/api/main/customers",
            [
                ("tenant", "main"),
                ("expand", "all"),
                ("withDeleted", "true"),
                ("since", "2026-01-31T08:00:05Z"),
                ("from", "2025-01-01"),
            ],
            {"Accept": "application/json", "X-Tenant": "main"},
            (),
        )
    ]


@pytest.mark.parametrize(("months", "asked"), [(None, "12"), (36, "36")])
def test_a_statement_is_one_object_of_so_many_months(months, asked):
    http = Canned(b'{"currency": "EUR"}')
    connector = make_connector(RICH_HEAD, RICH)

    page = connector.fetch_page(make_plan("https://x.example", "profitAndLoss", months=months), None, http)

    assert page == Page([b'{"currency": "EUR"}'], None, total=1)
    assert http.asked[0][2] == [("months", asked)]
    assert connector.map_record("profitAndLoss", {"currency": "EUR"}) == MappedRecord(
        "profitAndLoss", {"currency": "EUR"}
    )
    assert connector.key_of("profitAndLoss", {"currency": "EUR"}) == "profitAndLoss"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content_is_an_empty_page(status):
    incremental = 'incremental = { header = "If-Modified-Since", format = "http-date" }\nrecords'
    connector = make_connector(HEAD, CUSTOMERS.replace("records", incremental, 1))
    http = Canned(b"", status)

    page = connector.fetch_page(make_plan("https://x.example", mode=ReadMode.INCREMENTAL, since=SINCE), None, http)

    assert page == Page((), None)
    assert http.asked[0][3:] == (
        {"Accept": "application/json", "If-Modified-Since": "Sat, 31 Jan 2026 08:00:05 GMT"},
        (304,),
    )


def test_a_page_tells_total_and_what_was_mended():
    http = Canned(rb'{"data": [{"id": "a\u0000"}], "meta": {"total": 9}}')

    page = make_connector(HEAD, PAGE, 'total = "meta.total"', CUSTOMERS).fetch_page(
        make_plan("https://x.example"), None, http
    )

    assert (page.records, page.total, page.warnings) == ([rb'{"id": "a\ufffd"}'], 9, (MENDED,))
    assert page.cursor is not None


def test_limits_of_the_deployment_hold(settings):
    settings.HEADRACE_MAX_PAGE_RECORDS, settings.HEADRACE_MAX_RECORD_BYTES = 2, 20
    connector, plan = make_connector(HEAD, CUSTOMERS), make_plan("https://x.example")

    with pytest.raises(BadAnswer, match="3 records on one page"):
        connector.fetch_page(plan, None, Canned(b'{"data": [1, 2, 3]}'))
    with pytest.raises(BadAnswer, match="a record of 23 bytes"):
        connector.fetch_page(plan, None, Canned(b'{"data": ["123456789012345678901"]}'))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("iso", "2026-01-31T08:00:05Z"),
        ("date", "2026-01-31"),
        ("unix", "1769846405"),
        ("unix-ms", "1769846405000"),
        ("http-date", "Sat, 31 Jan 2026 08:00:05 GMT"),
    ],
)
def test_stamp_text(form, text):
    assert stamp_text(SINCE, form) == text


def test_a_type_the_platform_does_not_offer():
    with pytest.raises(NotSupported, match="Demo Books offers no invoices"):
        make_connector().fetch_page(make_plan("https://x.example", "invoices"), None, Canned())


@pytest.mark.parametrize(
    "base",
    [
        "",
        "books.example",
        "ftp://x.example",
        "https://",
        "https://a@x.example",
        "https://x.example#a",
        "https://x y",
        "a\nb",
    ],
)
def test_an_address_that_cannot_be_asked(base):
    with pytest.raises(PrerequisiteMissing):
        make_connector().fetch_page(make_plan(base), None, Canned())


def test_origin():
    assert make_connector().origin({"base_url": "https://x.example:8443/books/"}) == "https://x.example:8443"


# --- linking without OAuth2


def test_a_platform_without_authorisation_is_tried_when_it_is_linked(httpserver):
    httpserver.expect_request("/api/ping").respond_with_data("", status=200)
    connector = make_connector(HEAD.replace("[[conn", 'test = "/ping"\n[[conn', 1), CUSTOMERS)
    given = {"settings": {"base_url": base_of(httpserver)}, "client": {}, "http": PlainHttp()}

    start = connector.start_link(**given, state="s", redirect_uri="https://us.example/cb")
    credentials = connector.finish_link(**given, pending={}, answer={}, redirect_uri="")

    assert start == LinkStart(instruct="Demo Books needs no approval; carry on to link it.")
    assert credentials == Credentials()
    assert connector.authorize(credentials) == {}
    assert connector.unlink(credentials, settings={}, http=Canned()) is None
    with pytest.raises(AuthExpired):
        connector.refresh(credentials, settings={}, http=Canned())


def test_linking_fails_when_the_try_fails(httpserver):
    httpserver.expect_request("/api/ping").respond_with_data("", status=404)
    connector = make_connector(HEAD.replace("[[conn", 'test = "/ping"\n[[conn', 1), CUSTOMERS)

    with pytest.raises(SourceRefused):
        connector.finish_link(
            settings={"base_url": base_of(httpserver)},
            client={},
            pending={},
            answer={},
            redirect_uri="",
            http=PlainHttp(),
        )
