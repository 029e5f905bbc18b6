"""Standard Webhooks, by the documented vector and by a verifier of our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now
from standardwebhooks import Webhook, WebhookVerificationError

from portal.alerting.consumers import rotate_secret
from portal.alerting.signing import new_secret, signed_headers
from syncengine.actions.companies import create_company
from tests.portal.alerting.conftest import secret_of
from tests.portal.alerting.receiver import Received, is_signed


def test_the_documented_vector() -> None:
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("text", ["{}", '{"name": "名前 \u202e <script>"}', '"' + "x" * 20_000 + '"', '{"\\u0000": 1}'])
def test_every_body_verifies_and_nothing_tampered_does(text: str) -> None:
    secret, body, at = new_secret(), text.encode(), now()
    headers = signed_headers("msg_1", body, [secret], at)
    Webhook(secret).verify(body, headers)
    assert is_signed(Received("/", headers, body, 0), secret)
    later = {**headers, "webhook-timestamp": str(int(at.timestamp()) + 1)}
    other = {**headers, "webhook-id": "msg_2"}
    for wrong, what in ((headers, body + b" "), (later, body), (other, body)):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(what, wrong, json_parse=False)
        assert not is_signed(Received("/", wrong, what, 0), secret)


def test_a_secret_is_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {50}


def test_both_secrets_verify_until_the_overlap_ends(endpoint, receiver, courier, clock) -> None:
    consumer = endpoint("good")
    former = secret_of(consumer)
    rotate_secret(consumer, overlap_hours=24, actor="test")
    consumer.refresh_from_db()
    newest = secret_of(consumer)
    seen = []
    for hours in (0, 23, 2):
        clock.forward(hours=hours)
        create_company(name="Acme", actor="test")
        courier.deliver_all()
        last, moment = receiver.at("good")[-1], now().timestamp()
        seen.append([is_signed(last, secret, now=moment) for secret in (former, newest)])
    assert former != newest
    assert seen == [[True, True], [True, True], [False, True]]


def test_without_overlap_the_former_secret_ends_at_once(endpoint, receiver, courier) -> None:
    consumer = endpoint("good")
    former = secret_of(consumer)
    rotate_secret(consumer, overlap_hours=0, actor="test")
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    consumer.refresh_from_db()
    (received,) = receiver.at("good")
    assert [is_signed(received, former), is_signed(received, secret_of(consumer))] == [False, True]
    assert timedelta(0) <= now() - consumer.updated_at < timedelta(minutes=1)
