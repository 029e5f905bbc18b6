"""Alerts as e-mails: a subject, readable text, and HTML with one button to the page that says more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.template import Context
from django.template.loader import get_template

from portal.alerting.alert_pages import page_of, whole
from portal.alerting.rule_types import RULE_TYPES, condition_in_words
from portal.models.alert import Alert
from portal.models.alerting_rule import AlertingRule
from portal.models.deployment_settings import DeploymentSettings
from syncengine.moments import stamp

SHOWN = 30
MAX_SUBJECT = 150


class Told:
    """An alert as people are told of it: with the company's name, which bodies for programs leave out."""

    def __init__(self, rule: AlertingRule, alert: Alert, *, recovered: bool = False) -> None:
        self.rule, self.alert, self.recovered = rule, alert, recovered
        self.url, self.button = page_of(alert)

    @cached_property
    def company_name(self) -> str:
        return self.alert.company.name if self.alert.company else ""

    @cached_property
    def platform_name(self) -> str:
        return self.alert.connection.integration.name if self.alert.connection else ""

    @property
    def subject(self) -> str:
        label = RULE_TYPES[self.rule.type].label
        named = f"{self.company_name}: {label}" if self.company_name else label
        return f"Recovered: {named}" if self.recovered else named

    @property
    def rows(self) -> list[tuple[str, str]]:
        found = [
            ("Company", self.company_name),
            ("Platform", self.platform_name),
            ("Data type", str(self.alert.data.get("dataType") or "")),
            ("Raised", _shown(self.alert.raised_at)),
            ("Seen", f"{self.alert.count} times" if self.alert.count > 1 else ""),
            ("Recovered", _shown(self.alert.recovered_at) if self.recovered else ""),
        ]
        return [(label, value) for label, value in found if value]


def alert_mail(told: Told) -> dict[str, str]:
    """Return `subject`, `text` and `html`."""
    return _mail(
        "portal/email/alert",
        told.subject,
        {
            "told": told,
            "url": told.url,
            "button": told.button,
            "watched": condition_in_words(told.rule.type, told.rule.settings),
        },
    )


def summary_mail(tolds: Sequence[Told]) -> dict[str, str]:
    count = f"{len(tolds)} alert{'' if len(tolds) == 1 else 's'} during quiet hours"
    return _mail(
        "portal/email/summary",
        count,
        {
            "count": count,
            "tolds": tolds[:SHOWN],
            "more": max(len(tolds) - SHOWN, 0),
            "url": whole("alert-list"),
            "button": "See the alerts",
        },
    )


def _mail(template: str, subject: str, context: dict[str, Any]) -> dict[str, str]:
    name = DeploymentSettings.load().name
    context = {**context, "deployment": name, "subject": subject}
    return {
        "subject": one_line(f"[{name}] {subject}")[:MAX_SUBJECT],
        "text": _text(f"{template}.txt", context),
        "html": "".join([get_template(f"{template}.html").render(context)]),  # a plain str, no SafeString
    }


def one_line(text: str) -> str:
    """Return text that cannot begin another header."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _text(name: str, context: dict[str, Any]) -> str:
    # Plain text is not HTML: an ampersand stays one.
    made: Any = get_template(name)
    return "".join([made.template.render(Context(context, autoescape=False)).strip(), "\n"])


def _shown(moment: Any) -> str:
    return (stamp(moment) or "")[:16].replace("T", " ") + " UTC" if moment else ""
