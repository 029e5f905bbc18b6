"""Endpoints: what may be saved, and what is kept secret."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from portal.alerting.consumers import (
    TooManyConsumers,
    change_consumer,
    create_consumer,
    delete_consumer,
    reveal_secret,
    rotate_secret,
    set_headers,
)
from portal.models import WebhookConsumer
from syncengine.actions.keys import reseal_all
from syncengine.exceptions import Refused
from syncengine.models import Event
from syncengine.secrets import unseal
from tests.portal.alerting.conftest import secret_of

pytestmark = pytest.mark.django_db
GOOD = {"url": "https://93.184.216.34/hooks", "event_types": ["company.created"], "actor": "test"}


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks", "ftp://example.com/", "http://", "http://127.0.0.1/", "http://localhost/", "http://[::1]/",
        "http://10.0.0.8/x", "http://172.16.3.4/", "http://192.168.0.1/", "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/", "http://0/", "http://0x7f000001/", "http://2130706433/", "http://127.1/",
        "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[fd00:ec2::254]/", "http://metadata/",
        "http://a@93.184.216.34/", "http://93.184.216.34:6379/", "http://93.184.216.34:22/", "http://0177.0.0.1/",
        "http://93.184.216.34\\@127.0.0.1/", "http://93.184.216.34/\r\nX-Evil: 1", "file:///etc/passwd",
        "javascript:alert(1)", "https://93.184.216.34/" + "x" * 2048,
    ],
)  # fmt: skip
def test_addresses_that_lead_inside_are_refused_when_saved(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        create_consumer(**{**GOOD, "url": url})
    assert refusal.value.field == "url"
    assert WebhookConsumer.objects.count() == 0
    assert Event.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"event_types": []}, "eventTypes", "Choose at least one event type."),
        ({"event_types": ["company.exploded"]}, "eventTypes", "'company.exploded' is not an event type."),
        ({"company_tags": ["region"]}, "companyTags", "'region' is not a company tag; write key:value."),
        ({"company_tags": ["a:" + "x" * 127]}, "companyTags", "A company tag has at most 128 characters."),
        ({"company_tags": [f"a:{n}" for n in range(11)]}, "companyTags", "There may be 10 company tags."),
        ({"description": "x" * 201}, "description", "A description has at most 200 characters."),
    ],
)
def test_bad_input_is_refused_by_name(given, field, words) -> None:
    with pytest.raises(Refused) as refusal:
        create_consumer(**{**GOOD, **given})
    assert (refusal.value.field, refusal.value.message) == (field, words)
    assert WebhookConsumer.objects.count() == 0


def test_earlier_spellings_of_types_are_understood() -> None:
    names = ["DataSyncCompleted", "Dataset data changed", "read.completed", "read.completed"]
    consumer = create_consumer(**{**GOOD, "event_types": names})
    assert consumer.event_types == ["DataSyncCompleted", "DatasetDataChanged", "read.completed"]


def test_there_are_at_most_so_many(settings) -> None:
    settings.HEADRACE_MAX_WEBHOOK_CONSUMERS = 2
    first = create_consumer(**GOOD)
    create_consumer(**GOOD)
    with pytest.raises(TooManyConsumers):
        create_consumer(**GOOD)
    delete_consumer(first, actor="test")
    assert create_consumer(**GOOD).pk


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Evil": "a\r\nX-Other: b"},
        {"X-Evil\r\nX-Other": "b"},
        {"X Evil": "b"},
        {"": "b"},
        {"Host": "inside"},
        {"webhook-id": "msg_1"},
        {"Webhook-Signature": "v1,x"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"X-Name": "名前"},
        {"X-Long": "x" * 1001},
        {f"X-{n}": "1" for n in range(21)},
    ],
)
def test_headers_that_could_break_a_request_are_refused(headers) -> None:
    consumer = create_consumer(**GOOD)
    with pytest.raises(Refused) as refusal:
        set_headers(consumer, headers, actor="test")
    assert refusal.value.field == "headers"
    consumer.refresh_from_db()
    assert bytes(consumer.headers) == b""


@pytest.mark.parametrize("rate", [0, -1, 1001])
def test_a_rate_limit_has_bounds(rate) -> None:
    consumer = create_consumer(**GOOD)
    with pytest.raises(Refused) as refusal:
        change_consumer(consumer, url=GOOD["url"], event_types=["company.created"], rate_limit=rate, actor="test")
    assert refusal.value.field == "rate_limit"


@pytest.mark.parametrize("hours", [-1, 169])
def test_an_overlap_has_bounds(hours) -> None:
    with pytest.raises(Refused) as refusal:
        rotate_secret(create_consumer(**GOOD), overlap_hours=hours, actor="test")
    assert refusal.value.field == "overlap_hours"


def test_secrets_are_stored_encrypted_and_each_look_is_recorded() -> None:
    consumer = create_consumer(**GOOD)
    set_headers(consumer, {"Authorization": "Bearer hunter2"}, actor="test")
    consumer.refresh_from_db()
    secret = reveal_secret(consumer, actor="user:ana")
    assert secret.startswith("whsec_")
    stored = b"".join(bytes(getattr(consumer, name)) for name in ("secret", "headers"))
    assert secret.encode() not in stored
    assert b"hunter2" not in stored
    looks = Event.objects.filter(kind="webhook.secret_revealed")
    assert [(look.actor, look.data["consumer_id"]) for look in looks] == [("user:ana", str(consumer.pk))]
    assert all("whsec_" not in str(event.data) and "hunter2" not in str(event.data) for event in Event.objects.all())


def test_rotating_the_encryption_key_takes_these_secrets_along(settings) -> None:
    import base64
    import os

    consumer = create_consumer(**GOOD)
    secret = secret_of(consumer)
    rotate_secret(consumer, overlap_hours=1, actor="test")
    set_headers(consumer, {"X-Team": "billing"}, actor="test")
    fresh = base64.urlsafe_b64encode(os.urandom(32)).decode()
    settings.HEADRACE_ENCRYPTION_KEYS = [fresh, *settings.HEADRACE_ENCRYPTION_KEYS]
    assert reseal_all() >= 3
    settings.HEADRACE_ENCRYPTION_KEYS = [fresh]
    consumer.refresh_from_db()
    assert unseal(consumer, "previous_secret") == {"secret": secret}
    assert unseal(consumer, "headers") == {"X-Team": "billing"}
    assert secret_of(consumer) != secret


def test_changes_are_recorded_by_name() -> None:
    consumer = create_consumer(**GOOD)
    same = {"url": GOOD["url"], "event_types": ["company.created"], "actor": "user:ana"}
    change_consumer(consumer, **same)
    change_consumer(consumer, **same, description="Invoices", company_tags=["region:uk"], rate_limit=5)
    changes = Event.objects.filter(kind="webhook.changed")
    assert [change.data["changed"] for change in changes] == [["company_tags", "description", "rate_limit"]]
    consumer.refresh_from_db()
    assert (consumer.description, consumer.rate_limit, consumer.updated_at <= now()) == ("Invoices", 5, True)
