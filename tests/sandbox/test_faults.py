"""Each switch does what it says, to whom it is meant for, for as long as it is meant to."""

import json
import socket
import time

import httpx2
import pytest

from syncengine.sandbox.faults import FAULTS, OF_WRITES
from syncengine.sandbox.kinds import KINDS
from tests.sandbox.conftest import all_pages


def first_invoice(caller):
    return json.loads(caller.get("/invoices", limit=3).content)["invoices"][0]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"fault": "unauthorized"}, 401),
        ({"fault": "forbidden"}, 403),
        ({"fault": "error"}, 500),
        ({"fault": "error", "status": 502}, 502),
        ({"fault": "unavailable", "retry_after": 7}, 503),
        ({"fault": "too-many", "retry_after": 9}, 429),
    ],
)
def test_error_answers(caller, fault, status):
    caller.control("POST", "/faults", {**fault, "type": "invoices", "times": 1})
    answer = caller.get("/invoices")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (
        status,
        str(fault["retry_after"]) if "retry_after" in fault else None,
    )
    assert answer.json()["error"]["message"]
    assert caller.get("/invoices").status_code == 200


def test_a_fault_hits_only_its_type_its_business_and_its_grant(caller):
    grant = caller.headers["Authorization"].split(".")[1]
    caller.switch_on("error", type="invoices", business="brightwater", grant=grant)
    assert [caller.get(path).status_code for path in ("/invoices", "/bills")] == [500, 200]
    caller.link()
    assert caller.get("/invoices").status_code == 200
    caller.link("northgate")
    assert caller.get("/invoices").status_code == 200


def test_a_fault_waits_its_turn_and_stays_until_it_is_cleared(caller):
    fault = caller.switch_on("error", type="invoices", skip=1, times=2)
    assert [caller.get("/invoices").status_code for _ in range(4)] == [200, 500, 500, 200]
    for_ever = caller.switch_on("error")
    assert for_ever["id"] == fault["id"] + 1
    assert [caller.get("/bills").status_code for _ in range(3)] == [500] * 3
    caller.control("DELETE", f"/faults/{for_ever['id']}")
    assert caller.get("/bills").status_code == 200
    assert caller.control("GET", "/faults") == []


def test_reports_and_the_token_endpoint_can_be_hit_too(caller):
    caller.switch_on("forbidden", type="profit_and_loss")
    caller.switch_on("invalid-grant", type="oauth-token", times=1)
    assert caller.get("/reports/profit_and_loss").status_code == 403
    assert caller.client.post("/oauth/token").json()["error"] == "invalid_grant"
    assert caller.client.post("/oauth/token").json()["error"] == "invalid_client"


def test_hang_sends_no_byte_for_the_seconds(caller):
    caller.switch_on("hang", seconds=0.3, times=2)
    with pytest.raises(httpx2.ReadTimeout):
        caller.client.get("/api/v1/company", headers=caller.headers, timeout=0.1)
    began = time.monotonic()
    assert caller.get("/company").status_code == 200
    assert time.monotonic() - began >= 0.3


def test_drip_sends_the_body_piece_by_piece(caller):
    whole = caller.get("/company").content
    caller.switch_on("drip", bytes=len(whole) // 3 + 1, seconds=0.05)
    began = time.monotonic()
    assert caller.get("/company").content == whole
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("at", [None, 0, 100])
def test_cut_ends_the_connection_within_the_body(caller, at):
    length = len(caller.get("/invoices", limit=5).content)
    caller.switch_on("cut", **({} if at is None else {"bytes": at}))
    assert received(caller, "/api/v1/invoices?limit=5") == (length, length // 2 if at is None else at)


def received(caller, path):
    """Announced and arrived bytes of a body, read from the bare socket until it ends."""
    url = caller.client.base_url
    with socket.create_connection((url.host, url.port), timeout=5) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {caller.headers['Authorization']}\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    headers, _, body = answer.partition(b"\r\n\r\n")
    announced = int(headers.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return announced, len(body)


def test_wrong_sums_hit_the_first_records_wherever_their_page_begins(caller):
    right = [record["money"]["gross"] for record in all_pages(caller, "invoices")]
    caller.switch_on("wrong-sums", records=3)
    wrong = [record["money"]["gross"] for record in all_pages(caller, "invoices", limit=2)]
    assert [round(after - before, 2) for before, after in zip(right, wrong, strict=True)] == [1] * 3 + [0] * 247


def test_broken_json_is_whole_http_and_half_json(caller):
    caller.switch_on("broken-json")
    answer = caller.get("/invoices")
    assert (answer.status_code, int(answer.headers["Content-Length"])) == (200, len(answer.content))
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_html_instead_of_json(caller):
    caller.switch_on("html")
    answer = caller.get("/invoices")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")


def test_redirect_points_to_another_host(caller):
    caller.switch_on("redirect", location="http://other.example/x")
    answer = caller.get("/invoices")
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://other.example/x")


def test_endless_pages_bring_new_records_for_ever(caller):
    caller.control("PUT", "/businesses/brightwater/sizes", {"invoices": 10, "customers": 30, "bank_transactions": 10})
    caller.switch_on("endless")
    cursor, seen = "", []
    for _ in range(4):
        page = caller.get("/invoices", limit=5, cursor=cursor).json()
        cursor = page["next_cursor"]
        seen += [record["id"] for record in page["invoices"]]
    assert len(set(seen)) == 20
    assert cursor
    assert len(caller.get("/customers", page=900).json()["customers"]) == 100
    assert caller.get("/bank_transactions").links["next"]


def test_repeat_page_gives_the_same_page_and_cursor_again(caller):
    caller.switch_on("repeat-page")
    first = caller.get("/invoices", limit=5).json()
    assert caller.get("/invoices", limit=5, cursor=first["next_cursor"]).json() == first
    pages = [caller.get("/customers", per_page=5, page=page).json()["customers"] for page in (1, 2)]
    assert pages[0] == pages[1]
    link = caller.get("/bank_transactions", limit=5).links["next"]["url"]
    again = caller.client.get(link, headers=caller.headers)
    assert again.links["next"]["url"] == link


def test_huge_bodies_are_as_large_as_asked_for(caller):
    caller.switch_on("huge-body", mib=3, times=1)
    assert len(caller.get("/invoices").content) >= 3 << 20
    caller.switch_on("gzip-bomb", mib=3, times=1)
    answer = caller.get("/invoices")
    assert (len(answer.content) >= 3 << 20, int(answer.headers["Content-Length"]) < 50_000) == (True, True)


@pytest.mark.parametrize(
    ("fault", "token"),
    [
        ("nan", b'"gross":NaN'),
        ("nul", b'"memo":"name\\u0000"'),
        ("surrogate", b'"memo":"half \\ud800"'),
        ("wrong-amount", b'"gross":"abc"'),
        ("wrong-date", b'"issued":"/Date(1573755038314+0000)/"'),
        ("nesting", b'"memo":' + b"[" * 500 + b"]" * 500),
    ],
)
def test_spoiled_members_of_the_first_record(caller, fault, token):
    caller.switch_on(fault, depth=500)
    assert caller.get("/invoices").content.count(token) == 1


def test_every_switch_can_be_thrown_on_every_type(caller):
    quick = {"seconds": 0.001, "mib": 1, "depth": 10, "times": 1}
    for kind in KINDS:
        for fault in FAULTS.keys() - {"cut", "drip", "huge-body", "gzip-bomb", *OF_WRITES}:
            caller.switch_on(fault, type=kind, **quick)
            assert caller.get(f"/{kind}", per_page=2, limit=2).status_code < 504
    assert caller.control("GET", "/faults") == []


def test_no_id(caller):
    caller.switch_on("no-id")
    assert "id" not in first_invoice(caller)


def test_twice(caller):
    caller.switch_on("twice")
    records = caller.get("/invoices", limit=3).json()["invoices"]
    assert (len(records), records[3]) == (4, records[0])


def test_not_a_list(caller):
    caller.switch_on("not-a-list")
    assert isinstance(caller.get("/invoices").json()["invoices"], dict)
    assert isinstance(caller.get("/bank_transactions").json(), dict)


@pytest.mark.parametrize(
    "wrong", [{"fault": "nonsense"}, {"fault": "error", "colour": 1}, {"fault": "hang", "seconds": "x"}, {}, 5]
)
def test_switches_that_cannot_be_set_are_refused(caller, wrong):
    answer = caller.client.post("/_control/faults", json=wrong, headers={"X-Control-Key": "test-key"})
    assert answer.status_code == 400
    assert caller.control("GET", "/faults") == []
