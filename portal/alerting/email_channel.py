"""E-mails of alerting rules, through the mailer that this deployment is set up with.

A mail server that dies between taking a mail and saying so leaves it unknown whether it was taken: the mail is sent
again then, with the same Message-ID, by which mail programs know that it is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import partial
from time import monotonic
from typing import Any

import msgspec
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, mailers

from portal.alerting.channels import Channel, Prepared, Ready, Refused
from portal.alerting.plans import EMAIL_PLAN, ONCE, RetryPlan
from portal.alerting.rule_checks import is_address
from portal.models.alerting_rule import AlertingRule
from portal.models.webhook import MessageTrigger, WebhookMessage
from syncengine.outbound.posting import Receipt
from syncengine.outbound.redaction import redact_text

TAKEN = 250
_AUTHENTICATION = range(530, 540)  # the deployment's own credentials: worth another try once they are put right
MAX_ERROR = 500


class EmailChannel(Channel):
    plan = EMAIL_PLAN

    def plan_for(self, message: WebhookMessage) -> RetryPlan:
        return ONCE if message.trigger == MessageTrigger.TEST else self.plan

    def prepare(self, messages: Sequence[WebhookMessage]) -> dict[str, Prepared]:
        rules = AlertingRule.objects.in_bulk({message.rule_id for message in messages if message.rule_id})
        return {message.pk: _prepare(message, rules.get(message.rule_id)) for message in messages if message.rule_id}

    def is_final(self, message: WebhookMessage, receipt: Receipt) -> bool:
        """A refusal for good (5xx) of the address or the mail; of who we are it may be put right."""
        return receipt.status_code is not None and receipt.status_code >= 500


def _prepare(message: WebhookMessage, rule: AlertingRule | None) -> Prepared:
    if rule is None or rule.deleted_at:
        return Refused("The rule was deleted.")
    if not is_address(message.to) or message.to != msgspec.json.decode(message.payload).get("to"):
        return Refused("The receiver is not an e-mail address.")
    if "default" not in mailers:
        return Refused("This deployment sends no e-mail yet: EMAIL_URL is not set.")
    return Ready(sender(message))


def sender(message: WebhookMessage) -> partial[Receipt]:
    return partial(_send, message.pk, bytes(message.payload))


def _send(message_id: str, payload: bytes) -> Receipt:
    """Hand one mail to the mail server, and say what it answered. Raises nothing for what the server does."""
    sent_at, began = datetime.now(UTC), monotonic()
    status, error = TAKEN, ""
    try:
        mailers["default"].send_messages([_mail(message_id, msgspec.json.decode(payload))])
    except OSError as problem:  # smtplib's own errors are such too
        status, error = _told(problem)
    return Receipt(
        sent_at,
        round((monotonic() - began) * 1000),
        status_code=status or None,
        error=error,
        request_headers={"message-id": _message_id(message_id)},
    )


def _mail(message_id: str, made: dict[str, str]) -> EmailMultiAlternatives:
    mail = EmailMultiAlternatives(
        made["subject"],
        made["text"],
        settings.DEFAULT_FROM_EMAIL,
        [made["to"]],
        headers={"Message-ID": _message_id(message_id), "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(made["html"], "text/html")
    return mail


def _message_id(message_id: str) -> str:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{message_id}@{domain}>"


def _told(problem: OSError) -> tuple[int, str]:
    """Return the server's status, 0 when there was none or it is about ourselves, and its words."""
    code: Any = getattr(problem, "smtp_code", 0)
    words: Any = getattr(problem, "smtp_error", "")
    refused = getattr(problem, "recipients", None)
    if isinstance(refused, dict) and refused:
        code, words = next(iter(refused.values()))
    if not isinstance(code, int) or code <= 0:
        return 0, f"The mail server could not be reached or broke off ({type(problem).__name__})."
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    told = redact_text(" ".join(text.split()))[:MAX_ERROR]
    return 0 if code in _AUTHENTICATION else code, f"The mail server answered {code}: {told}"
