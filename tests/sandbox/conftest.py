"""A sandbox in a thread of the test process, and a caller that is linked to one of its businesses."""

from dataclasses import dataclass

import httpx2
import pytest

from syncengine.sandbox.server import start

KEY = "test-key"
BUSINESS = "brightwater"


@dataclass
class Caller:
    """Asks the sandbox as a linked application (`get`) and as its operator (`control`)."""

    client: httpx2.Client
    headers: dict

    def get(self, path, **query):
        return self.client.get(f"/api/v1{path}", params=query, headers=self.headers)

    def control(self, method, path, content=None):
        answer = self.client.request(method, f"/_control{path}", json=content, headers={"X-Control-Key": KEY})
        assert answer.status_code < 300, answer.text
        return answer.json()

    def switch_on(self, fault, **rest):
        return self.control("POST", "/faults", {"fault": fault, **rest})

    def link(self, business=BUSINESS):
        tokens = self.control("POST", f"/businesses/{business}/grants")
        self.headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return tokens


@pytest.fixture(scope="session")
def sandbox():
    running = start(control_key=KEY)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def client(sandbox):
    """One for the whole session: making a client costs more than most of the tests."""
    with httpx2.Client(base_url=sandbox.url, timeout=5) as client:
        yield client


@pytest.fixture
def caller(client):
    caller = Caller(client, {})
    caller.control("POST", "/reset")
    caller.link()
    return caller


def all_pages(caller, kind, **query):
    """Every record of a list, whatever its paging style."""
    answer = caller.get(f"/{kind}", **query)
    records = []
    while True:
        content = answer.json()
        records += content if isinstance(content, list) else content[kind]
        following = _following(caller, answer, content, kind, query)
        if following is None:
            return records
        answer = following


def _following(caller, answer, content, kind, query):
    if "next" in answer.links:
        return caller.client.get(answer.links["next"]["url"], headers=caller.headers)
    if isinstance(content, list):
        return None
    if "meta" in content:
        page = content["meta"]["page"]
        return caller.get(f"/{kind}", **query, page=page + 1) if page < content["meta"]["pages"] else None
    cursor = content["next_cursor"]
    return caller.get(f"/{kind}", **query, cursor=cursor) if cursor else None
