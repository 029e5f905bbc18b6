"""The server's own pages, its control door and its log."""

import socket
import subprocess
import sys

import httpx2
import pytest

from syncengine.sandbox.server import start
from tests.sandbox.conftest import KEY


def test_the_front_page_says_what_this_is_and_which_switches_are_on(caller):
    caller.switch_on("hang")
    page = caller.client.get("/")
    assert page.status_code == 200
    for text in ("Sandbox accounting platform", "Northgate Cycles", "<code>hang</code> <b>(on)</b>"):
        assert text in page.text


def test_health_answers_while_another_request_hangs(caller):
    caller.switch_on("hang", seconds=5)
    with pytest.raises(httpx2.ReadTimeout):
        caller.client.get("/api/v1/company", headers=caller.headers, timeout=0.05)
    assert caller.client.get("/health", timeout=1).json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/reports/nothing", 404),
        ("GET", "/api/v1/invoices/inv_99999999", 404),
        ("GET", "/api/v1/invoices/cus_00000001", 404),
        ("POST", "/api/v1/expenses", 405),
        ("POST", "/health", 405),
    ],
)
def test_what_is_not_there_is_named(caller, method, path, status):
    answer = caller.client.request(method, path, headers=caller.headers)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})


def test_the_control_door_needs_its_key_and_is_shut_without_one(caller):
    assert caller.client.get("/_control/faults").status_code == 403
    assert caller.client.get("/_control/faults", headers={"X-Control-Key": "x"}).status_code == 403
    running = start()
    try:
        assert httpx2.get(f"{running.url}/_control/faults", headers={"X-Control-Key": ""}).status_code == 404
    finally:
        running.stop()


def test_requests_are_logged_with_method_path_query_and_status(caller):
    caller.control("DELETE", "/requests")
    caller.get("/invoices", limit="2")
    caller.get("/nothing")
    log = caller.control("GET", "/requests")
    assert [{name: entry[name] for name in entry if name != "at"} for entry in log] == [
        {"method": "GET", "path": "/api/v1/invoices", "query": {"limit": "2"}, "status": 200},
        {"method": "GET", "path": "/api/v1/nothing", "query": {}, "status": 404},
    ]
    assert log[0]["at"] <= log[1]["at"]


def test_many_records_are_touched_and_deleted_at_once(caller):
    path = "/businesses/brightwater/invoices"
    assert caller.control("POST", f"{path}/touch", {"first": 5, "every": 100, "count": 2}) == {"touched": 2}
    assert caller.control("POST", f"{path}/delete", {"first": 0, "count": 3}) == {"deleted": 3}
    told = caller.get("/invoices", updated_since="2026-11-01T00:00:00Z").json()["invoices"]
    assert [record["id"] for record in told] == [f"inv_{n:08d}" for n in (5, 105, 0, 1, 2)]


@pytest.mark.parametrize(
    "sizes",
    [{"payments": 5}, {"nothing": 5}, {"invoices": -1}, {"invoices": "x"}, {"customers": 5}, {"accounts": 1}, []],
)
def test_sizes_that_would_break_the_books_are_refused_whole(caller, sizes):
    before = caller.control("GET", "/businesses")
    wanted = {"bills": 99, **sizes} if isinstance(sizes, dict) else sizes
    url = "/_control/businesses/brightwater/sizes"
    assert caller.client.put(url, json=wanted, headers={"X-Control-Key": KEY}).status_code == 400
    assert caller.control("GET", "/businesses") == before


def test_customers_grow_with_the_invoices_that_name_them(caller):
    sizes = caller.control("PUT", "/businesses/northgate/sizes", {"invoices": 5000})
    assert sizes["customers"] >= 1000
    caller.link("northgate")
    newest = caller.get("/invoices/inv_00004999").json()
    assert caller.get(f"/customers/{newest['customer']['id']}").json()["display_name"] == newest["customer"]["name"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", "/businesses/brightwater/invoices/records/999999", 404),
        ("DELETE", "/businesses/brightwater/invoices/records/inv_x", 404),
        ("POST", "/businesses/nobody/grants", 404),
        ("PUT", "/nothing", 404),
        ("PUT", "/faults", 405),
    ],
)
def test_control_names_what_it_does_not_know(caller, method, path, status):
    answer = caller.client.request(method, f"/_control{path}", json={}, headers={"X-Control-Key": KEY})
    assert (answer.status_code, set(answer.json())) == (status, {"error"})


def test_a_connection_is_kept_for_many_requests(sandbox):
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b'{"status":"ok"}' in connection.recv(4096)


@pytest.mark.parametrize("length", ["x", "-1", "99999999999"])
def test_a_body_of_absurd_length_is_refused(sandbox, length):
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_stopping_hangs_up_on_everybody():
    running = start()
    with httpx2.Client(base_url=running.url) as client:
        assert client.get("/health").status_code == 200
        running.stop()
        with pytest.raises(httpx2.TransportError):
            client.get("/health")


@pytest.mark.processes
def test_the_process_serves_and_stops_on_sigterm():
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "syncengine.sandbox",
        "--port",
        "0",
        "--business-size",
        "northgate=3",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[-1]
        assert httpx2.get(f"{url}/health").json() == {"status": "ok"}
        process.terminate()
        assert (process.wait(timeout=5), process.stderr.read()) == (0, "")


def test_the_sandbox_is_a_stranger_to_the_engine():
    code = "import sys, syncengine.sandbox.__main__; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ours = [name for name in found if name.partition(".")[0] in ("syncengine", "portal", "django")]
    assert [name for name in ours if not name.startswith("syncengine.sandbox")] == ["syncengine"]
