"""What stands under /_control/: tests and the demo turn the platform's knobs here, with a key."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from syncengine.sandbox.businesses import BUSINESSES
from syncengine.sandbox.faults import BadFault
from syncengine.sandbox.kinds import KINDS, BadSize
from syncengine.sandbox.messages import Answer, Refusal, Request, json_answer, raw_answer
from syncengine.sandbox.platform import Platform
from syncengine.sandbox.shelf import NoSuchRecord, Shelf

PREFIX = "/_control/"


class Control:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._key = platform.options.control_key

    def handle(self, request: Request) -> Answer:
        try:
            self._check_key(request)
            return self._route(request)
        except Refusal as refusal:
            return refusal.answer()
        except (BadFault, BadSize, ValueError, TypeError) as error:
            return Refusal(400, "bad_request", str(error)).answer()
        except NoSuchRecord as error:
            return Refusal(404, "not_found", f"No such record: {error}.").answer()

    def _check_key(self, request: Request) -> None:
        if not self._key:
            raise Refusal(404, "not_found", "There is nothing here.")
        if not hmac.compare_digest(request.headers.get("x-control-key", "").encode(), self._key.encode()):
            raise Refusal(403, "wrong_key", "X-Control-Key: missing or wrong.")

    def _route(self, request: Request) -> Answer:
        match (request.method, *request.path.removeprefix(PREFIX).strip("/").split("/")):
            case ("GET", "businesses"):
                return json_answer({business: self._platform.shop.sizes(business) for business in BUSINESSES})
            case (_, "businesses", business, *rest) if business in BUSINESSES:
                return self._business(request, business, rest)
            case (_, "faults", *rest):
                return self._faults(request, rest)
            case ("PUT", "rate"):
                self._platform.meter.set_rate(int(request.json()["per_minute"]))
                return json_answer({"per_minute": self._platform.meter.per_minute})
            case ("GET", "requests"):
                return json_answer(list(self._platform.log))
            case ("DELETE", "requests"):
                self._platform.log.clear()
                return json_answer({})
            case ("GET", "writes"):
                return json_answer(list(self._platform.writer.log))
            case ("GET", "creates"):
                return json_answer([one for one in self._platform.writer.log if one["operation"] == "create"])
            case ("DELETE", "writes" | "creates"):
                self._platform.writer.log.clear()
                return json_answer({})
            case ("POST", "reset"):
                return self._reset()
        raise Refusal(404, "not_found", f"No control for {request.method} {request.path}.")

    def _faults(self, request: Request, rest: list[str]) -> Answer:
        switches = self._platform.switches
        match (request.method, *rest):
            case ("POST",):
                return json_answer(switches.switch_on(request.json()), 201)
            case ("GET",):
                return json_answer(switches.active())
            case ("DELETE",):
                switches.clear()
                return json_answer({})
            case ("DELETE", number):
                switches.clear(int(number))
                return json_answer({})
        raise Refusal(405, "method_not_allowed", "Use GET, POST or DELETE.")

    def _business(self, request: Request, business: str, rest: list[str]) -> Answer:
        grants = self._platform.grants
        match (request.method, *rest):
            case ("PUT", "sizes"):
                return json_answer(self._platform.shop.resize(business, request.json(), _now()))
            case ("POST", "grants"):
                return json_answer(grants.mint(business), 201)
            case ("DELETE", "grants"):
                grants.revoke_business(business)
                return json_answer({})
            case ("POST", "expire"):
                grants.expire_business(business)
                return json_answer({})
            case (_, kind, *further) if kind in KINDS:
                return self._written(request, self._platform.shop.shelf(business, kind), further)
        raise Refusal(404, "not_found", f"No control for {request.method} {request.path}.")

    def _written(self, request: Request, shelf: Shelf, rest: list[str]) -> Answer:
        answer = self._write(request, shelf, rest)
        self._platform.shop.save()
        return answer

    def _write(self, request: Request, shelf: Shelf, rest: list[str]) -> Answer:
        """Create, change or delete one record, or change many."""
        match (request.method, *rest):
            case ("POST", "records"):
                return raw_answer(shelf.create(request.json(), _now()), 201)
            case ("PATCH", "records", which):
                return raw_answer(shelf.change(_number(shelf, which), request.json(), _now()))
            case ("DELETE", "records", which):
                shelf.delete(_number(shelf, which), _now())
                return json_answer({})
            case ("POST", "touch"):
                return json_answer({"touched": _touch(shelf, request.json())})
            case ("POST", "delete"):
                return json_answer({"deleted": _each(request.json(), lambda n: shelf.delete(n, _now()))})
        raise Refusal(404, "not_found", f"No control for {request.method} {request.path}.")

    def _reset(self) -> Answer:
        """Books, switches, rate and log as at the start; grants stay."""
        platform = self._platform
        platform.shop.reset()
        platform.shop.save()
        platform.writer.clear()
        platform.switches.clear()
        platform.meter.set_rate(platform.options.requests_per_minute)
        platform.log.clear()
        return json_answer({})


def _touch(shelf: Shelf, asked: dict[str, Any]) -> int:
    patch = asked.get("patch") or {"memo": f"Looked through at {_now().isoformat()}"}
    return _each(asked, lambda n: shelf.change(n, patch, _now()))


def _each(asked: dict[str, Any], act: Callable[[int], object]) -> int:
    """Act on `count` numbers from `first` on, `every` apart."""
    first, every, count = (
        int(asked.get(name, default)) for name, default in (("first", 0), ("every", 1), ("count", 1))
    )
    for n in range(first, first + every * count, every):
        act(n)
    return count


def _number(shelf: Shelf, which: str) -> int:
    return int(which) if which.isascii() and which.isdigit() else shelf.number(which)


def _now() -> datetime:
    return datetime.now(UTC)
