"""The page of an integration whose platform is inside a customer's network."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils.timezone import now

from portal.models import Role
from portal.views.offline_platforms import KEY_FILE
from syncengine.actions.offline import set_offline
from syncengine.actions.relaying import Introduction, leave, show
from syncengine.models import ConnectorKey, ConnectorProcess, Event, Integration
from tests.factories import make_integration
from tests.portal.data_pages import HTMX, Page, get, sign_in

pytestmark = pytest.mark.django_db
DETAIL, OFFLINE, STATE = "/integrations/mqjo/", "/integrations/mqjo/offline/", "/integrations/mqjo/connector/"
KEY, REVOKE = "/integrations/mqjo/connector/key/", "/integrations/mqjo/connector/revoke/"
COMMAND = (
    f"python3 connector_process.py --hub http://127.0.0.1:8000 --key-file {KEY_FILE} --platform http://erp.local:8069"
)


@pytest.fixture
def integration() -> Integration:
    return make_integration(settings={"base_url": "http://erp.local:8069"})


@pytest.fixture
def offline(integration: Integration) -> Integration:
    set_offline(integration, True, actor="test")
    return integration


@pytest.fixture
def client(settings):
    settings.HEADRACE_PORTAL_URL = "http://127.0.0.1:8000"
    return sign_in()


def test_an_integration_that_is_called_from_here_can_be_marked_and_unmarked(integration, client):
    page = get(client, DETAIL)
    assert "Sandbox is called from here." in page.text
    assert page.find("button", name="offline", value="1")
    assert client.post(OFFLINE, {"offline": "1"}).status_code == 303
    integration.refresh_from_db()
    assert integration.is_offline
    page = get(client, DETAIL)
    assert "Sandbox is offline now: its work waits for a connector." in page.text
    assert "No connector was seen yet. Datasets wait in Queued and push operations in Pending" in page.text
    assert client.post(OFFLINE, {"offline": "1"}).status_code == 303
    assert "Sandbox is already offline." in get(client, DETAIL).text
    assert client.post(OFFLINE, {}).status_code == 303
    integration.refresh_from_db()
    assert not integration.is_offline
    assert Event.objects.filter(kind__startswith="integration.marked").count() == 2


def test_a_key_is_shown_once_with_the_exact_command(offline, client):
    response = client.post(KEY)
    shown = Page(response)
    secret, program, command = [found["value"] for found in shown.find("input", type="text")]
    assert (program, command) == ("http://127.0.0.1:8000/connector/connector_process.py", COMMAND)
    assert secret.startswith("hrc_")
    assert "no-store" in response["Cache-Control"]
    assert "The key before works" not in shown.text
    again = client.get(DETAIL).content.decode()
    assert secret not in again
    assert ConnectorKey.objects.get().hint in again
    assert COMMAND in [found.get("value") for found in get(client, DETAIL).find("input")]


def test_a_rotation_says_how_long_the_key_before_works(offline, client):
    client.post(KEY)
    first = ConnectorKey.objects.get().hint
    assert "The key before works for 24 more hours." in Page(client.post(KEY)).text
    page = get(client, DETAIL)
    assert f"{first} works on until" in page.text
    assert "Rotate the key" in page.text


def test_keys_are_revoked_after_a_question(offline, client):
    client.post(KEY)
    question = get(client, REVOKE, **HTMX)
    assert "Revoke the connector's keys of Sandbox?" in question.text
    assert client.post(REVOKE).status_code == 303
    assert ConnectorKey.objects.count() == 0
    page = get(client, DETAIL)
    assert "The connector's keys are revoked." in page.text
    assert "Make a key" in page.text
    client.post(REVOKE)
    assert "There is no key that could be revoked." in get(client, DETAIL).text


def test_an_integration_that_is_not_offline_gets_no_key(integration, client):
    assert client.post(KEY).status_code == 303
    assert "is not marked as offline, so it needs no connector." in get(client, DETAIL).text
    assert ConnectorKey.objects.count() == 0


def test_the_state_is_shown_live(offline, client):
    who = Introduction(uuid4(), "erp-host", "1.0", ["http://erp.local:8069"])
    show(offline, who)
    page = get(client, DETAIL)
    assert "A connector is there. Work for Sandbox moves." in page.text
    for words in ("erp-host", "1.0", "http://erp.local:8069"):
        assert words in page.text
    [state] = page.find("div", id="connector-state")
    assert client.get(state["hx-get"], headers=HTMX).status_code == 204
    leave(offline, who.run)
    changed = client.get(state["hx-get"], headers=HTMX)
    assert "The connector is missing." in Page(changed).text
    assert "on erp-host" in Page(changed).text
    ConnectorProcess.objects.update(left_at=None, seen_at=now() - timedelta(hours=1))
    assert "The connector is missing." in get(client, DETAIL).text


def test_an_offline_integration_costs_its_page_two_more_queries(integration, client, django_assert_num_queries):
    with django_assert_num_queries(4):  # session, user, integration, counts
        client.get(DETAIL)
    set_offline(integration, True, actor="test")
    for _ in range(3):
        show(integration, Introduction(uuid4()))
    with django_assert_num_queries(6):  # and keys, processes
        client.get(DETAIL)


def test_who_may_not_see_integrations_changes_nothing_here(offline):
    onlooker = sign_in(Role.ANALYST)
    for url in (DETAIL, STATE):
        assert onlooker.get(url).status_code == 403
    for url in (OFFLINE, KEY, REVOKE):
        assert onlooker.post(url).status_code == 403
    offline.refresh_from_db()
    assert offline.is_offline
