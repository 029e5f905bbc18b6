"""Alerts as Slack's incoming webhooks take them, and the chats that speak like Slack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.alerting.emails import SHOWN, Told

MAX_TEXT = 3000


def slack_alert(told: Told) -> dict[str, Any]:
    return {"text": "\n".join([f"*{_plain(told.subject)}*", _plain(told.alert.message), _link(told.url, told.button)])}


def slack_summary(tolds: Sequence[Told]) -> dict[str, Any]:
    lines = [f"*{len(tolds)} alert{'' if len(tolds) == 1 else 's'} during quiet hours*"]
    lines += [f"• {_link(told.url, told.subject)}: {_plain(told.alert.message)}" for told in tolds[:SHOWN]]
    if len(tolds) > SHOWN:
        lines.append(f"and {len(tolds) - SHOWN} more")
    return {"text": "\n".join(lines)}


def _link(url: str, words: str) -> str:
    return f"<{url}|{_plain(words).replace('|', '¦')}>"


def _plain(text: str) -> str:
    """Keep names from being read as links, mentions or bold: what these three begin is escaped by Slack's own rule."""
    shown = " ".join(text.split())[:MAX_TEXT]
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
