"""Paging in three styles, modified-since with tombstones, date filters, limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.sandbox.kinds import KINDS
from syncengine.sandbox.order import Order, Position
from tests.sandbox.conftest import all_pages

LISTS = [name for name, kind in KINDS.items() if kind.style != "single"]
LATER = "2026-11-01T00:00:00Z"  # after every invented stamp


@pytest.mark.parametrize("kind", LISTS)
def test_pages_of_any_size_bring_every_record_once(caller, kind):
    whole = all_pages(caller, kind, per_page=1000, limit=1000)
    size = caller.control("GET", "/businesses")["brightwater"][kind]
    assert len({record["id"] for record in whole}) == len(whole) == size
    assert all_pages(caller, kind, per_page=7, limit=7) == whole


@pytest.mark.parametrize("kind", LISTS)
def test_one_record_by_its_id_is_the_one_in_the_list(caller, kind):
    record = all_pages(caller, kind)[-1]
    assert caller.get(f"/{kind}/{record['id']}").json() == record
    assert caller.get(f"/{kind}/{record['id']}9").status_code == 404


@pytest.mark.parametrize("kind", LISTS)
def test_changes_since_bring_changed_created_and_deleted_records_only(caller, kind):
    before = all_pages(caller, kind)
    path = f"/businesses/brightwater/{kind}"
    changed = caller.control("PATCH", f"{path}/records/1", {"memo": "changed"})
    created = caller.control("POST", f"{path}/records", {"memo": "created"})
    caller.control("DELETE", f"{path}/records/0")
    told = all_pages(caller, kind, updated_since=LATER, per_page=2, limit=2)
    assert told[:2] == [changed, created]
    assert told[2] == {"id": before[0]["id"], "deleted": True, "updated_at": told[2]["updated_at"]}
    assert all_pages(caller, kind) == [changed, *before[2:], created]
    assert caller.get(f"/{kind}/{before[0]['id']}").status_code == 404


def test_changes_since_start_exactly_at_the_stamp(caller):
    whole = all_pages(caller, "invoices")
    for place in (0, 1, 100, 249):
        assert all_pages(caller, "invoices", updated_since=whole[place]["updated_at"]) == whole[place:]


def test_a_record_changed_twice_is_told_once_and_one_that_came_and_went_is_a_tombstone(caller):
    path = "/businesses/brightwater/customers/records"
    for memo in ("one", "two"):
        caller.control("PATCH", f"{path}/4", {"memo": memo})
    created = caller.control("POST", path, {})
    caller.control("DELETE", f"{path}/{created['id']}")
    told = all_pages(caller, "customers", updated_since=LATER)
    assert [(record["id"], record.get("memo"), record.get("deleted")) for record in told] == [
        ("cus_00000004", "two", None),
        (created["id"], None, True),
    ]


def test_a_row_changed_while_pages_are_read_is_not_lost(caller):
    first = caller.get("/invoices", updated_since="2026-10-31T00:00:00Z", limit=100).json()
    caller.control("PATCH", "/businesses/brightwater/invoices/records/150", {"memo": "late"})
    caller.control("DELETE", "/businesses/brightwater/invoices/records/3")
    rest, cursor = [], first["next_cursor"]
    while cursor:
        page = caller.get("/invoices", updated_since="2026-10-31T00:00:00Z", limit=100, cursor=cursor).json()
        rest += page["invoices"]
        cursor = page["next_cursor"]
    assert {record["id"] for record in first["invoices"] + rest} == {f"inv_{n:08d}" for n in range(250)}
    assert [record.get("memo") for record in rest if record["id"] == "inv_00000150"] == ["late"]
    assert rest[-1]["id"] == "inv_00000003"
    assert rest[-1]["deleted"] is True


def test_records_that_a_business_grew_by_are_told_as_changes(caller):
    sizes = caller.control("PUT", "/businesses/brightwater/sizes", {"invoices": 260})
    assert (sizes["invoices"], sizes["payments"]) == (260, 208)
    told = all_pages(caller, "invoices", updated_since=LATER)
    assert [record["id"] for record in told] == [f"inv_{n:08d}" for n in range(250, 260)]
    assert len(all_pages(caller, "payments", updated_since=LATER)) == 8


@pytest.mark.parametrize("kind", [kind for kind in LISTS if KINDS[kind].dated])
def test_date_from_leaves_out_earlier_documents(caller, kind):
    *outer, last = KINDS[kind].date_path

    def dated(record):
        for name in outer:
            record = record[name]
        return record[last]

    whole = all_pages(caller, kind)
    wanted = [record for record in whole if dated(record) >= "2026-06-01"]
    assert 0 < len(wanted) < len(whole)
    assert all_pages(caller, kind, date_from="2026-06-01", limit=5, per_page=5) == wanted


def test_date_from_looks_at_changed_dates_and_never_hides_a_deletion(caller):
    path = "/businesses/brightwater/invoices/records"
    caller.control("PATCH", f"{path}/0", {"dates": {"issued": "2031-01-01"}})
    caller.control("DELETE", f"{path}/1")
    assert [record["id"] for record in all_pages(caller, "invoices", date_from="2030-01-01")] == ["inv_00000000"]
    told = all_pages(caller, "invoices", date_from="2040-01-01", updated_since=LATER)
    assert [(record["id"], record.get("deleted")) for record in told] == [("inv_00000001", True)]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/customers", {"page": "0"}),
        ("/customers", {"page": "x"}),
        ("/customers", {"per_page": "-1"}),
        ("/customers", {"date_from": "2026-01-01"}),
        ("/invoices", {"cursor": "!!"}),
        ("/invoices", {"cursor": "aGVsbG8="}),
        ("/invoices", {"limit": "9" * 30}),
        ("/invoices", {"date_from": "soon"}),
        ("/invoices", {"updated_since": "yesterday"}),
        ("/invoices", {"updated_since": "9999-12-31T23:59:59-23:00"}),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(caller, path, query):
    answer = caller.get(path, **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(next(iter(query)))


def test_a_page_holds_a_thousand_records_at_most(caller):
    caller.control("PUT", "/businesses/brightwater/sizes", {"invoices": 3000})
    page = caller.get("/invoices", limit=5000).json()
    assert (len(page["invoices"]), page["total"]) == (1000, 3000)


def test_without_a_token_nothing_is_told(caller):
    caller.headers = {}
    answer = caller.get("/invoices")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (
        401,
        'Bearer realm="sandbox", error="invalid_token"',
    )


def test_too_many_requests_are_answered_429_with_the_seconds_to_wait(caller):
    caller.control("PUT", "/rate", {"per_minute": 3})
    answers = [caller.get("/company") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20
    caller.link()
    assert caller.get("/company").status_code == 200


HOLES = st.sets(st.integers(0, 60))


@given(st.integers(0, 20), st.integers(20, 50), HOLES, st.sets(st.tuples(st.integers(0, 9), st.integers(90, 99))))
def test_an_order_is_the_list_it_stands_for(low, high, holes, extras):
    order = Order(low, high, tuple(sorted(holes)), tuple(sorted(extras)))
    whole = [n for n in range(low, high) if n not in holes] + [n for _, n in sorted(extras)]
    assert order.count() == len(whole)
    assert order.take(order.start(), 1000) == (whole, None)
    for index in range(len(whole) + 2):
        found, after = order.take(order.locate(index), 3)
        assert found == whole[index : index + 3]
        if after is not None:
            assert order.take(Position.parse(str(after)), 1000)[0] == whole[index + 3 :]
