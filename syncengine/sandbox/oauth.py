"""The pages and endpoints of linking: consent, token, revoke."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from html import escape
from urllib.parse import unquote, urlencode, urlsplit

from syncengine.sandbox.businesses import BUSINESSES
from syncengine.sandbox.grants import WRITE_SCOPE, GrantRefused, Grants
from syncengine.sandbox.messages import Answer, Request, html_answer, json_answer
from syncengine.sandbox.options import Options

_ASKED = ("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class OAuth:
    def __init__(self, options: Options, grants: Grants) -> None:
        self._options = options
        self._grants = grants

    def authorize(self, request: Request) -> Answer:
        """GET shows the consent page; POST of its form sends the person back with a code or an error."""
        asked = dict(request.query) if request.method == "GET" else request.form()
        problem = self._unsafe(asked)
        if problem:
            return html_answer("This link cannot be used", f"<p>{escape(problem)}</p>", 400)
        error = _unfit(asked)
        if error:
            return _back(asked, error=error)
        if request.method == "GET":
            return _consent_page(asked)
        return self._decided(asked)

    def token(self, request: Request) -> Answer:
        form = request.form()
        if not self._knows_client(request, form):
            return _token_error(401, "invalid_client", "Client authentication failed.")
        try:
            return (
                json_answer(self._exchange(form), Cache_Control="no-store")
                if form
                else _token_error(400, "invalid_request", "")
            )
        except GrantRefused as refusal:
            return _token_error(400, refusal.code, refusal.message)

    def revoke(self, request: Request) -> Answer:
        form = request.form()
        if not self._knows_client(request, form):
            return _token_error(401, "invalid_client", "Client authentication failed.")
        self._grants.revoke(form.get("token", ""))
        return json_answer({})

    def _exchange(self, form: Mapping[str, str]) -> dict[str, object]:
        if form.get("grant_type") == "authorization_code":
            return self._grants.redeem(
                form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
            )
        if form.get("grant_type") == "refresh_token":
            return self._grants.refresh(form.get("refresh_token", ""))
        raise GrantRefused("unsupported_grant_type", "Use authorization_code or refresh_token.")

    def _unsafe(self, asked: Mapping[str, str]) -> str:
        """Why nobody may be sent back to this address, or ""."""
        if asked.get("client_id") != self._options.client_id:
            return "The application that sent you here is not known."
        wanted = asked.get("redirect_uri", "")
        if not _is_loopback(wanted) and wanted not in self._options.redirect_uris:
            return "The application asks to send you to an address that is not registered."
        return ""

    def _decided(self, asked: Mapping[str, str]) -> Answer:
        if asked.get("decision") != "allow":
            return _back(asked, error="access_denied")
        business = asked.get("business", "")
        if business not in BUSINESSES:
            return html_answer("Choose a business", "<p>Go back and choose one of the businesses.</p>", 400)
        code = self._grants.new_code(
            business, asked["redirect_uri"], asked.get("code_challenge", ""), asked.get("scope", "")
        )
        return _back(asked, code=code)

    def _knows_client(self, request: Request, form: Mapping[str, str]) -> bool:
        given = (form.get("client_id", ""), form.get("client_secret", ""))
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                name, _, secret = b64decode(encoded, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return False
            given = (unquote(name), unquote(secret))
        return given == (self._options.client_id, self._options.client_secret)


def _is_loopback(uri: str) -> bool:
    if any(sign <= " " for sign in uri):
        return False
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and not parts.fragment


def _unfit(asked: Mapping[str, str]) -> str:
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
        return "invalid_request"
    return ""


def _back(asked: Mapping[str, str], **answer: str) -> Answer:
    if "state" in asked:
        answer["state"] = asked["state"]
    joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    return Answer(
        303, headers={"Location": asked["redirect_uri"] + joint + urlencode(answer), "Cache-Control": "no-store"}
    )


def _consent_page(asked: Mapping[str, str]) -> Answer:
    hidden = "".join(
        f"<input type=hidden name={name} value='{escape(asked[name])}'>" for name in _ASKED if name in asked
    )
    choices = "".join(
        f"<label><input type=radio name=business value={own.id}{' checked' if place == 0 else ''}> "
        f"{escape(own.name)} <small>({escape(own.legal_name)}, {own.currency})</small></label>"
        for place, own in enumerate(BUSINESSES.values())
    )
    return html_answer(
        "Allow access to your books?",
        f"<p>The application <b>{escape(asked['client_id'])}</b> asks to {_wish(asked)}</p>"
        f"<form method=post action=/oauth/authorize>{hidden}<fieldset>"
        f"<legend>Which business?</legend>{choices}</fieldset>"
        "<button name=decision value=allow>Allow</button><button name=decision value=deny>Deny</button></form>",
    )


def _wish(asked: Mapping[str, str]) -> str:
    if not asked.get("scope") or WRITE_SCOPE in asked["scope"].split():
        return "read the books of one of your businesses, and to change them."
    return "read the books of one of your businesses. It cannot change anything."


def _token_error(status: int, code: str, message: str) -> Answer:
    headers = {"WWW-Authenticate": 'Basic realm="sandbox"'} if status == 401 else {}
    return json_answer({"error": code, "error_description": message}, status, **headers)
