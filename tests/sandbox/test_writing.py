"""What the platform does with writes: kept over a restart, seen by lists, done once for each key."""

import httpx2
import pytest

from syncengine.sandbox.forms import FORMS
from syncengine.sandbox.kinds import KINDS
from syncengine.sandbox.server import start
from tests.sandbox.conftest import KEY, all_pages

ACCOUNT = {"code": "4200", "title": "Tests", "category": "Asset.Current"}
LATER = "2026-11-01T00:00:00Z"


def write(caller, method, path, content=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller.client.request(method, f"/api/v1{path}", json=content, headers={**caller.headers, **named})


def test_lists_and_changes_show_what_was_written_among_what_was_invented(caller):
    before = all_pages(caller, "accounts")
    created = write(caller, "POST", "/accounts", ACCOUNT).json()
    changed = write(caller, "PUT", "/accounts/acc_00000004", {"notes": "Looked at", "code": "9"}).json()
    write(caller, "POST", "/accounts", ACCOUNT | {"code": "4201"})
    gone = write(caller, "DELETE", "/accounts/acc_10000001")
    assert (gone.status_code, gone.content) == (204, b"")
    assert changed == {**before[4], "notes": "Looked at", "code": "9", "updated_at": changed["updated_at"]}
    assert all_pages(caller, "accounts") == [*before[:4], changed, *before[5:], created]
    told = all_pages(caller, "accounts", updated_since=LATER, per_page=1)
    assert [(one["id"], one.get("deleted")) for one in told] == [
        (created["id"], None),
        (changed["id"], None),
        ("acc_10000001", True),
    ]


def test_writes_and_files_are_kept_over_a_restart(tmp_path):
    seen = []
    for _ in range(2):
        running = start(control_key=KEY, state=tmp_path)
        with httpx2.Client(base_url=running.url) as client:
            grant = client.post("/_control/businesses/northgate/grants", headers={"X-Control-Key": KEY}).json()
            headers = {"Authorization": f"Bearer {grant['access_token']}"}
            if not seen:
                row = client.post("/api/v1/accounts", json={**ACCOUNT, "client_ref": "a"}, headers=headers).json()
                files = {"file": ("a.txt", b"hello", "text/plain")}
                client.post("/api/v1/bills/bil_00000000/files", files=files, headers=headers)
            found = client.get("/api/v1/accounts", params={"client_ref": "a"}, headers=headers).json()["accounts"]
            listed = client.get("/api/v1/bills/bil_00000000/files", headers=headers).json()["files"]
            content = client.get(f"/api/v1/bills/bil_00000000/files/{listed[0]['id']}/content", headers=headers)
            again = client.post("/api/v1/accounts", json=ACCOUNT, headers=headers).json()["id"]
            seen.append((found, listed, content.content))
        running.stop()
    assert seen[0] == seen[1] == ([row], listed, b"hello")
    assert again == "acc_10000002"


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - FORMS.keys()))
def test_what_cannot_be_written_says_so(caller, kind):
    assert write(caller, "POST", f"/{kind}", {}).status_code == 405


def test_what_makes_no_sense_is_refused_and_changes_nothing(caller):
    refused = [
        write(caller, "POST", "/accounts", ["a list"]),
        write(caller, "POST", "/accounts", {}),
        write(caller, "POST", "/accounts", ACCOUNT | {"balance": True}),
        write(caller, "POST", "/accounts", ACCOUNT | {"client_ref": 5}),
        write(caller, "PUT", "/accounts/acc_99999999", {}),
        write(caller, "PUT", "/accounts/acc_4", {}),
        write(caller, "PUT", "/accounts/acc_00000004", {"title": None}),
        write(caller, "PUT", "/accounts/acc_00000004", {}, X_Unmodified_Since="never"),
        write(caller, "DELETE", "/accounts/acc_00000004"),
        write(caller, "POST", "/accounts", ACCOUNT, Idempotency_Key="k" * 256),
        write(caller, "POST", "/invoices/inv_00000000/files", {}),
        write(caller, "POST", "/accounts/acc_00000004/files", {}),
        write(caller, "POST", "/bank_accounts/bnk_00000000/transactions", {"transactions": [5]}),
        caller.client.post("/api/v1/accounts", content=b"{", headers=caller.headers),
    ]
    assert [answer.status_code for answer in refused] == [
        400,
        422,
        422,
        422,
        404,
        404,
        422,
        400,
        422,
        400,
        422,
        405,
        422,
        400,
    ]
    assert caller.control("GET", "/writes") == []
    assert all_pages(caller, "accounts", updated_since=LATER) == []


def test_the_log_of_creates_names_key_marker_and_record(caller):
    write(caller, "POST", "/accounts", ACCOUNT | {"client_ref": "ours"}, Idempotency_Key="k-1")
    write(caller, "POST", "/accounts", ACCOUNT | {"client_ref": "ours"}, Idempotency_Key="k-1")
    write(caller, "PUT", "/accounts/acc_10000000", {"notes": "x"}, Idempotency_Key="k-2")
    [create] = caller.control("GET", "/creates")
    assert create == {
        "at": create["at"],
        "business": "brightwater",
        "type": "accounts",
        "operation": "create",
        "id": "acc_10000000",
        "client_ref": "ours",
        "idempotency_key": "k-1",
        "method": "POST",
        "path": "/api/v1/accounts",
    }
    assert [one["operation"] for one in caller.control("GET", "/writes")] == ["create", "update"]
    caller.control("DELETE", "/creates")
    assert caller.control("GET", "/writes") == []


def test_the_consent_page_says_whether_it_may_change_anything(caller):
    asked = {"response_type": "code", "client_id": "headrace", "redirect_uri": "http://127.0.0.1/back"}
    for scope, words in (
        ("books.read", "It cannot change anything."),
        ("books.read books.write", "and to change them."),
    ):
        page = caller.client.get("/oauth/authorize", params={**asked, "scope": scope})
        assert words in page.text


@pytest.mark.parametrize(("scope", "status"), [("books.read", 403), ("books.read books.write", 201)])
def test_a_consent_is_good_for_what_it_was_given_for(caller, scope, status):
    form = {
        "response_type": "code",
        "client_id": "headrace",
        "redirect_uri": "http://127.0.0.1/back",
        "scope": scope,
        "business": "northgate",
        "decision": "allow",
    }
    code = caller.client.post("/oauth/authorize", data=form).headers["location"].partition("code=")[2]
    tokens = caller.client.post(
        "/oauth/token",
        data={"grant_type": "authorization_code", "code": code, "redirect_uri": form["redirect_uri"]},
        auth=("headrace", "headrace-sandbox"),
    ).json()
    caller.headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert write(caller, "POST", "/accounts", ACCOUNT).status_code == status
