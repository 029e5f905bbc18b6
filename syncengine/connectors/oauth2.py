"""OAuth2's authorisation code flow: where to send the person, and how tokens are got, refreshed and given back.

`oauthlib` builds the requests (it speaks no HTTP itself); answers are read by our own strict decoder, because a token
endpoint is as little to be trusted as any other.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, quote

from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import WebApplicationClient

from syncengine.connectors.base import Credentials, Http, HttpAnswer, LinkStart
from syncengine.connectors.manifest_parts import Auth
from syncengine.connectors.templates import fill_url
from syncengine.connectors.wire import decode_answer
from syncengine.exceptions import (
    AuthExpired,
    BadAnswer,
    ConnectorError,
    PrerequisiteMissing,
    SourceRefused,
    SourceUnavailable,
)
from syncengine.states import Responsible

VERIFIER_LENGTH = 64
MAX_TOKEN = 16_384
MAX_LIFE = 10 * 365 * 86_400
_REFUSALS = (400, 401)
_OURS_TO_MEND = ("invalid_client", "unauthorized_client")
_MAY_PASS = ("temporarily_unavailable", "server_error")


class OAuth2:
    """One platform's authorisation server. `settings` fill the `{setting}`s of its addresses.

    name:  what the platform is called in the sentences people read.
    """

    def __init__(self, auth: Auth, name: str) -> None:
        self._auth = auth
        self._name = name

    def start(
        self, settings: Mapping[str, Any], client: Mapping[str, str], *, state: str, redirect_uri: str
    ) -> LinkStart:
        """Raises: PrerequisiteMissing when the client's id or a setting is not filled in."""
        oauth = WebApplicationClient(self._client_id(client))
        asked = {
            "response_type": "code",
            "client_id": oauth.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            **({"scope": " ".join(self._auth.scopes)} if self._auth.scopes else {}),
            **self._auth.authorize_params,
        }
        pending = {}
        if self._auth.pkce:
            pending["code_verifier"] = oauth.create_code_verifier(VERIFIER_LENGTH)
            asked["code_challenge"] = oauth.create_code_challenge(pending["code_verifier"], "S256")
            asked["code_challenge_method"] = "S256"
        url = add_params_to_uri(fill_url(self._auth.authorize_url, settings), list(asked.items()))
        return LinkStart(url=url, pending=pending)

    def finish(
        self,
        settings: Mapping[str, Any],
        client: Mapping[str, str],
        *,
        pending: Mapping[str, str],
        answer: Mapping[str, str],
        redirect_uri: str,
        http: Http,
    ) -> Credentials:
        """Exchange the code in the person's answer. Raises: AuthExpired when there is none, or it is refused."""
        if answer.get("error"):
            raise AuthExpired(f"Consent was not given at {self._name}.", upstream=_words(answer))
        if not answer.get("code"):
            raise AuthExpired(f"{self._name} sent the person back without a code, so nothing could be linked.")
        body = WebApplicationClient(self._client_id(client)).prepare_request_body(
            code=answer["code"],
            redirect_uri=redirect_uri,
            include_client_id=False,
            **({"code_verifier": pending["code_verifier"]} if pending.get("code_verifier") else {}),
        )
        return self._tokens(body, settings, client, {}, http)

    def refresh(self, credentials: Credentials, settings: Mapping[str, Any], http: Http) -> Credentials:
        """Raises: AuthExpired on `invalid_grant`, on a refused client, and when there is no refresh token."""
        token = credentials.secret.get("refresh_token")
        if not token:
            raise AuthExpired(f"{self._name}'s authorisation has ended and cannot be renewed. Link it again.")
        oauth = WebApplicationClient(self._client_id(credentials.client))
        body = oauth.prepare_refresh_body(refresh_token=token)
        return self._tokens(body, settings, credentials.client, credentials.secret, http)

    def revoke(self, credentials: Credentials, settings: Mapping[str, Any], http: Http) -> None:
        """Give the authorisation back. A platform that knows nothing of the token any more has nothing to revoke."""
        kinds = [kind for kind in ("refresh_token", "access_token") if credentials.secret.get(kind)]
        if not self._auth.revoke_url or not kinds:
            return
        form = {"token": credentials.secret[kinds[0]], "token_type_hint": kinds[0]}
        url = fill_url(self._auth.revoke_url, settings)
        self._post(url, form, credentials.client, http)

    def _tokens(
        self, body: str, settings: Mapping[str, Any], client: Mapping[str, str], old: Mapping[str, str], http: Http
    ) -> Credentials:
        url = fill_url(self._auth.token_url, settings)
        answer = self._post(url, dict(parse_qsl(body)), client, http)
        values = self._opened(answer)
        if answer.status in _REFUSALS or "error" in values:
            raise self._refusal(answer, values)
        return self._credentials(values, client, old)

    def _post(self, url: str, form: dict[str, str], client: Mapping[str, str], http: Http) -> HttpAnswer:
        client_id, secret = self._client_id(client), client.get("client_secret", "")
        headers = {"Accept": "application/json"}
        if self._auth.client_auth == "basic" and secret:
            pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client_id, **({"client_secret": secret} if secret else {})}
        return http.request("POST", url, form=form, headers=headers, accept=_REFUSALS)

    def _opened(self, answer: HttpAnswer) -> dict[str, Any]:
        """Return the token answer's members; none when a refusal says nothing we can read."""
        try:
            values = decode_answer(answer.body)
        except BadAnswer as error:
            if answer.status in _REFUSALS:
                return {}
            headline = f"{self._name}'s token endpoint did not answer as OAuth2 asks. {error.headline}"
            raise BadAnswer(headline, upstream=error.upstream, status_code=answer.status) from None
        if isinstance(values, dict):
            return values
        if answer.status in _REFUSALS:
            return {}
        raise BadAnswer(f"{self._name}'s token endpoint answered something that is no object.")

    def _refusal(self, answer: HttpAnswer, values: Mapping[str, Any]) -> ConnectorError:
        code = values.get("error") or ("invalid_client" if answer.status == 401 else "")
        words = _words(values) or answer.body[:500].decode("utf-8", "replace")
        status = answer.status
        if code == "invalid_grant":
            headline = f"{self._name} no longer accepts this connection's authorisation. Link it again."
            return AuthExpired(headline, upstream=words, status_code=status)
        if code in _OURS_TO_MEND:
            headline = f"{self._name} does not accept our client ID and secret. Check them on the integration's page."
            return AuthExpired(headline, upstream=words, status_code=status, responsible=Responsible.OPERATOR)
        if code in _MAY_PASS:
            headline = f"{self._name}'s token endpoint is not available just now."
            return SourceUnavailable(headline, upstream=words, status_code=status)
        return SourceRefused(f"{self._name} refused to give a token.", upstream=words, status_code=status)

    def _credentials(self, values: Mapping[str, Any], client: Mapping[str, str], old: Mapping[str, str]) -> Credentials:
        access = self._token(values, "access_token")
        if not access:
            raise BadAnswer(f"{self._name}'s token endpoint gave no access token.")
        refresh = self._token(values, "refresh_token") or old.get("refresh_token", "")
        seconds = _life(values.get("expires_in"))
        if seconds is None and (refresh or "expires_in" in values):
            seconds = self._auth.expires_in
        ends = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        secret = {"access_token": access, **({"refresh_token": refresh} if refresh else {})}
        return Credentials(secret=secret, client=client, expires_at=ends)

    def _token(self, values: Mapping[str, Any], name: str) -> str:
        token = values.get(name)
        if token is None or token == "":
            return ""
        plain = isinstance(token, str) and len(token) <= MAX_TOKEN and all(33 <= ord(sign) <= 126 for sign in token)
        if not plain:
            raise BadAnswer(f"{self._name}'s token endpoint gave a {name.replace('_', ' ')} that is no token.")
        return str(token)

    def _client_id(self, client: Mapping[str, str]) -> str:
        client_id = client.get("client_id", "")
        if not client_id:
            raise PrerequisiteMissing(f"The client ID for {self._name} is not filled in on the integration's page.")
        return client_id


def _words(values: Mapping[str, Any]) -> str:
    """The platform's own words: `access_denied: The person declined.`"""
    said = (values.get("error"), values.get("error_description"))
    return ": ".join(str(part)[:1000] for part in said if part)


def _life(value: Any) -> int | None:
    """Return how many seconds a token lives when that is said in a way that can be believed, else None."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 1 <= value <= MAX_LIFE:
        return None
    return int(value)
