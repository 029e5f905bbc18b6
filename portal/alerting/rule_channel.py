"""Webhooks of alerting rules: posts with the deployment's own headers (codat contract, section 14)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.conf import settings

from portal.actions.deployment_settings import auth_header_of
from portal.alerting.channels import Channel, Prepared, Ready, Refused
from portal.alerting.notices import is_slack
from portal.alerting.plans import ONCE, RULE_PLAN, RetryPlan
from portal.models.alerting_rule import AlertingRule
from portal.models.deployment_settings import DeploymentSettings
from portal.models.webhook import MessageTrigger, WebhookMessage
from syncengine.outbound.posting import Receipt, post
from syncengine.secrets import SecretUnreadable

REDIRECTS = 3


class RuleChannel(Channel):
    plan = RULE_PLAN

    def plan_for(self, message: WebhookMessage) -> RetryPlan:
        return ONCE if message.trigger == MessageTrigger.TEST else self.plan

    def prepare(self, messages: Sequence[WebhookMessage]) -> dict[str, Prepared]:
        rules = AlertingRule.objects.in_bulk({message.rule_id for message in messages if message.rule_id})
        deployment = DeploymentSettings.load()
        return {
            message.pk: _prepare(message, rules.get(message.rule_id) if message.rule_id else None, deployment)
            for message in messages
        }

    def is_final(self, message: WebhookMessage, receipt: Receipt) -> bool:
        return receipt.refused or super().is_final(message, receipt)


def _prepare(message: WebhookMessage, rule: AlertingRule | None, deployment: DeploymentSettings) -> Prepared:
    if rule is None or rule.deleted_at:
        return Refused("The rule was deleted.")
    if not rule.webhook_url:
        return Refused("The rule has no webhook URL any more.")
    try:
        return Ready(sender(rule, message, deployment))
    except SecretUnreadable:
        return Refused(
            "The Authorization header of alerts cannot be read with this deployment's keys. Set it anew on the "
            "organisation page."
        )


def sender(rule: AlertingRule, message: WebhookMessage, deployment: DeploymentSettings) -> partial[Receipt]:
    """Return the call that sends this message now.

    Raises: SecretUnreadable.
    """
    headers: dict[str, str] = {}
    if not is_slack(rule.webhook_url):  # a chat is no program of ours: what proves us to those is not for it
        headers["X-Codat-ClientId"] = str(deployment.client_id)
        if authorization := auth_header_of(deployment):
            headers["Authorization"] = authorization
    return partial(
        post,
        rule.webhook_url,
        bytes(message.payload),
        headers,
        secret=("authorization",),
        seconds=settings.HEADRACE_WEBHOOK_SECONDS,
        redirects=REDIRECTS,
    )
