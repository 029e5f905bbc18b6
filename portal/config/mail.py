"""EMAIL_URL, as Django's mailers want it."""

from __future__ import annotations

from typing import Any

import environ

_OPTIONS = {
    "EMAIL_HOST": "host",
    "EMAIL_PORT": "port",
    "EMAIL_HOST_USER": "username",
    "EMAIL_HOST_PASSWORD": "password",
    "EMAIL_USE_TLS": "use_tls",
    "EMAIL_USE_SSL": "use_ssl",
}
_SMTP = "django.core.mail.backends.smtp.EmailBackend"


def mailers_from(url: str, *, seconds: float) -> dict[str, dict[str, Any]]:
    """Return MAILERS with the one mailer that the URL means, {} when it is empty.

    seconds:  how long the mail server may take for each step of a conversation.
    """
    if not url:
        return {}
    read = environ.Env.email_url_config(url)
    backend = read["EMAIL_BACKEND"]
    options = {option: read[name] for name, option in _OPTIONS.items() if read.get(name) not in (None, "")}
    if backend == _SMTP:
        return {"default": {"BACKEND": backend, "OPTIONS": {**options, "timeout": seconds}}}
    path = {"file_path": read["EMAIL_FILE_PATH"]} if backend.endswith("filebased.EmailBackend") else {}
    return {"default": {"BACKEND": backend, "OPTIONS": path}}
