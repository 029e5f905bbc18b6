"""The demo's login: made on the first start, kept in a file that only its owner may read."""

from __future__ import annotations

import json
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from portal.actions.api_keys import create_api_key, rotate_api_key
from portal.api.principals import authenticate
from portal.models import ApiKey, User
from portal.scopes import SCOPES
from syncengine.exceptions import Refused

EMAIL = "admin@headrace.example"
ACTOR = "demo"


def load(path: Path) -> dict[str, str] | None:
    """Return what the file says, None when there is none or it cannot be read as ours."""
    try:
        found: Any = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("email") and found.get("password") else None


def login(path: Path) -> dict[str, str]:
    """Return the e-mail address and password of the demo's administrator; a lost file means a new password."""
    known = load(path)
    if known and User.objects.filter(email=known["email"]).exists():
        return {"email": known["email"], "password": known["password"]}
    password = secrets.token_urlsafe(12)
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        User.objects.create_superuser(EMAIL, password, name="Administrator")
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    return {"email": EMAIL, "password": password}


def api_key(path: Path) -> str:
    """Return the demo's API key; a lost file means a new secret. Returns "" once somebody has revoked the key."""
    known = (load(path) or {}).get("api_key", "")
    if authenticate(known) is not None:
        return known
    made = ApiKey.objects.filter(created_by=ACTOR).first()
    try:
        if made is not None:
            return rotate_api_key(made, overlap=timedelta(0), actor=ACTOR).secret
        return create_api_key(name="demo", scopes=SCOPES, actor=ACTOR).secret
    except Refused:
        return ""


def save(path: Path, *, portal_url: str, email: str, password: str, api_key: str | None = None) -> None:
    """Write the file, mode 0600 from its first byte. With `api_key` None the one that stands there is kept."""
    if api_key is None:
        api_key = (load(path) or {}).get("api_key", "")
    told = {
        "portal_url": portal_url,
        "api_url": f"{portal_url}/api",
        "email": email,
        "password": password,
        "api_key": api_key,
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(told, file, indent=2)
        file.write("\n")
    draft.replace(path)
