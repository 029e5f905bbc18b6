"""How a page must look at any width."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

SMALL = 640  # below this, what is tapped needs room for a finger
FINGER = 44
_TAPPED = """
[...document.querySelectorAll('.button, .tab, .menu > summary, .nav-link')]
    .filter(e => e.offsetParent && !e.matches('.chip, .visually-hidden'))
    .filter(e => e.getBoundingClientRect().height < %d).map(e => e.textContent.trim())
"""


def faults_of(page: Page) -> dict[str, Any]:
    """Return what is wrong with the page as it stands, {} for nothing: wider than its window, not one heading, no title
    of ours, or too low to be tapped.
    """
    size = page.viewport_size
    assert size is not None
    found: dict[str, Any] = {
        "sideways": page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
        "headings": page.locator("h1").count() - 1,
        "title": not page.title().endswith(" · Headrace"),
        "low": page.evaluate(_TAPPED % FINGER) if size["width"] < SMALL else [],
    }
    return {name: fault for name, fault in found.items() if fault}
