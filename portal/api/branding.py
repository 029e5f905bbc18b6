"""Images of platforms: our own static files, drawn plainly, with a neutral set for a platform that has none."""

from __future__ import annotations

from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static

IMAGES = ("full", "square", "button", "button-hover")
_NEUTRAL = "platform"
_has_images: dict[str, bool] = {}


def image_url(platform_key: str, image: str) -> str:
    """Return the whole address of one of a platform's IMAGES."""
    key = platform_key if _drawn(platform_key) else _NEUTRAL
    return f"{settings.HEADRACE_PORTAL_URL}{static(_path(key, image))}"


def _drawn(platform_key: str) -> bool:
    if platform_key not in _has_images:
        _has_images[platform_key] = all(finders.find(_path(platform_key, image)) for image in IMAGES)
    return _has_images[platform_key]


def _path(key: str, image: str) -> str:
    return f"img/platforms/{key}-{image}.svg"
