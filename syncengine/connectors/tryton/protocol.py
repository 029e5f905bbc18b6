"""Tryton's REST wire: how a question is written, how an answer is read, and what its errors mean.

Nothing here knows a data type. Domains are Tryton's own filter lists; values that JSON has no word for travel as
`{"__class__": "datetime", …}`.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import unescape
from typing import Any, NoReturn
from urllib.parse import quote

from syncengine.connectors.base import Http, HttpAnswer, Json
from syncengine.exceptions import AuthExpired, BadAnswer, PermissionMissing, SourceRefused, SourceUnavailable

type Row = dict[str, Any]
type Domain = list[Any]

# What Tryton says with these is known better here than by the status alone.
_EXPLAINED = (400, 401, 403, 404, 500)
# Ids in one `in` clause: the question travels in the URL, and servers refuse lines above 4 KiB.
IDS_A_REQUEST = 150
_TAGS = re.compile(r"<[^>]+>")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Server:
    """One Tryton database as we reach it.

    headers:  sent with each request (the company's context, and the key while linking).
    """

    base_url: str
    database: str
    http: Http
    headers: Mapping[str, str]

    def in_company(self, company: int, *, every_state: bool = False) -> Server:
        """Return the same server seen from within a company.

        every_state: also search rows that were switched off. A clause on `active` cannot ask for that in a nested
                     domain: Tryton adds `active = true` to each list in it that does not name `active` itself. Only
                     for finding ids: computed fields may come out differently.
        """
        context = {"company": company} | ({"active_test": False} if every_state else {})
        return replace(self, headers={**self.headers, "X-Tryton-Context": encode(context)})

    def model_url(self, model: str) -> str:
        return f"{self.base_url}/{quote(self.database, safe='')}/rest/model/{model}"

    def application_url(self) -> str:
        # With `r/` in the middle: the path without it answers 308, and a POST may lose its body on the way.
        return f"{self.base_url}/{quote(self.database, safe='')}/r/user/application/"


def encode(value: Json) -> str:
    """Write a domain, an order or a context as Tryton reads it: base64url of compact JSON."""
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


def moment(value: datetime) -> Row:
    """Write an aware time as Tryton's naive UTC one."""
    at = value.astimezone(UTC)
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{part: getattr(at, part) for part in parts}}


def day(value: datetime) -> Row:
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


def any_state(has_active: bool) -> Domain:
    """Return the clause without which Tryton leaves out rows whose `active` is false; for flat domains only."""
    return [["active", "in", [True, False]]] if has_active else []


def changed_since(since: datetime) -> Domain:
    """Return the domain of rows touched at or after `since`: `write_date` may be null on a row never written again."""
    at = moment(since)
    return ["OR", [["write_date", ">=", at]], [["write_date", "=", None], ["create_date", ">=", at]]]


def ask(
    server: Server, method: str, url: str, *, params: Sequence[tuple[str, str]] = (), body: Json = None
) -> HttpAnswer:
    """Send one request and return its good answer.

    Raises: ConnectorError subclasses; where Tryton said why, with its own words as `upstream`.
    """
    answer = server.http.request(method, url, params=params, headers=server.headers, json=body, accept=_EXPLAINED)
    if answer.status in _EXPLAINED:
        _explain(server, answer, reading=method == "GET")
    return answer


def rows(
    server: Server,
    model: str,
    fields: Sequence[str],
    *,
    domain: Domain | None = None,
    order: Sequence[Sequence[str]] = (("id", "ASC"),),
    limit: int | None = None,
) -> list[Row]:
    """Return the rows of `model` that match, each with every field asked for.

    Raises: PermissionMissing when Tryton leaves a field out, which is how it hides what the user may not see.
    """
    params = [("f", field) for field in fields]
    if domain:
        params.append(("d", encode(domain)))
    params.append(("o", encode([list(clause) for clause in order])))
    if limit is not None:
        params.append(("s", str(limit)))
    found = decoded(ask(server, "GET", server.model_url(model), params=params))
    if not isinstance(found, list) or not all(isinstance(row, dict) and type(row.get("id")) is int for row in found):
        raise BadAnswer(f"Tryton's answer for {model} is not a list of records.")
    if found:
        _require_fields(model, fields, found[0])
    return found


def rows_by(
    server: Server, model: str, fields: Sequence[str], link: str, ids: Iterable[int], *, has_active: bool = False
) -> list[Row]:
    """Return the rows whose `link` (a parent field, or `id`) is among `ids`, in chunks that fit a URL."""
    wanted = sorted(set(ids))
    found: list[Row] = []
    for start in range(0, len(wanted), IDS_A_REQUEST):
        chunk = wanted[start : start + IDS_A_REQUEST]
        found += rows(server, model, fields, domain=[[link, "in", chunk], *any_state(has_active)])
    return found


def request_key(server: Server, user: str) -> str:
    """Ask for an application key; Tryton answers one for unknown users too, so as not to tell who exists."""
    answer = ask(server, "POST", server.application_url(), body={"user": user, "application": "rest"})
    key = decoded(answer)
    if not isinstance(key, str) or not re.fullmatch(r"[0-9a-zA-Z_-]{16,512}", key):
        raise BadAnswer(f"{server.base_url} did not answer with an application key. Is it a Tryton server?")
    return key


def withdraw_key(server: Server, user: str, key: str) -> None:
    """Delete the application at Tryton, whatever its state."""
    ask(server, "DELETE", server.application_url(), body={"user": user, "application": "rest", "key": key})


def as_json(record: Row) -> tuple[bytes, bool]:
    """Return the record as JSON text, and whether characters that no database stores had to be taken out.

    Its members are sorted: Tryton's own order changes from one start of the server to the next.
    """
    try:
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"Tryton's record {record.get('id')} holds a number that JSON has no word for.") from error
    if "\\u0000" not in text and not _SURROGATES.search(text):
        return text.encode(), False
    clean = json.dumps(_cleaned(record), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return clean.encode(), clean != text


def _cleaned(value: Json) -> Json:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value.replace("\x00", ""))
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(member) for name, member in value.items()}
    return [_cleaned(member) for member in value] if isinstance(value, list) else value


def decoded(answer: HttpAnswer) -> Json:
    try:
        return json.loads(answer.body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(
            "Tryton answered something that is not JSON.", upstream=_plain(answer.body), status_code=answer.status
        ) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _require_fields(model: str, fields: Sequence[str], row: Row) -> None:
    for field in fields:
        if field.partition(".")[0] not in row:
            raise PermissionMissing(
                f"The Tryton user who approved the key may not read {field} of {model}. "
                "An administrator of Tryton can grant read access."
            )


def _explain(server: Server, answer: HttpAnswer, *, reading: bool) -> NoReturn:
    words, status = _message(answer.body), answer.status
    if status == 401:
        headline = "Tryton does not accept the key: it is not approved yet, or it was cancelled there."
        raise AuthExpired(headline, upstream=words, status_code=status)
    if status == 403 or (status == 400 and reading):
        # Reading rows can only be refused for want of rights; Tryton's words come in its user's own language.
        headline = (
            "The Tryton user who approved the key may not read this data. An administrator of Tryton can allow it."
        )
        raise PermissionMissing(headline, upstream=words, status_code=status)
    if status == 404:
        headline = (
            f"{server.base_url} knows no Tryton database “{server.database}”. Check the address and the database name."
        )
        raise SourceRefused(headline, upstream=words, status_code=status)
    if status == 500:
        # Faults of the server and questions it does not understand look alike here: an HTML page.
        raise SourceUnavailable("Tryton failed while it answered.", upstream=words, status_code=status)
    raise SourceRefused(
        f"Tryton refused the request: {words or 'it gave no reason'}", upstream=words, status_code=status
    )


def _message(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return _plain(body)
    return str(answer.get("message") or "") if isinstance(answer, dict) else _plain(body)


def _plain(body: bytes) -> str:
    text = _TAGS.sub(" ", body[:4000].decode("utf-8", "replace"))
    return " ".join(unescape(text).split())
