"""The connector: a process on a customer's machine that fetches requests from the hub and makes them there.

It needs Python 3.10 or newer and nothing else; this one file may be copied to the machine. It listens on no port. It
calls the hub, and the platforms it was started for, and no other address.

    python connector_process.py --hub https://hub.example.com --key-file connector.key --platform http://erp.local:8069
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import logging
import random
import signal
import socket
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VERSION = "1.0"
LONGEST_BACKOFF_SECONDS = 60.0
BUSY_SECONDS = 5.0  # between two signs of life while every place is taken
ANSWER_TRIES = 5
HUB_SECONDS = 60.0  # of silence within one exchange with the hub
GRACE_SECONDS = 30.0  # for what is in hand when it is told to stop
CHUNK = 64 * 1024
PORTS = {"http": 80, "https": 443}
LOOPBACK = ("127.0.0.1", "localhost", "::1")

log = logging.getLogger("headrace.connector")

Place = tuple[str, str, int]  # scheme, host, port


class HubTrouble(Exception):
    """The hub could not be asked, or refused. `status` is 0 when it was not reached."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


class Failed(Exception):
    """Why a request has no answer: a word that the hub knows."""


def place_of(url: str) -> Place:
    """Return what an address leads to. Raises: ValueError when it is no plain http or https address."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.username is not None or parts.password is not None:
        raise ValueError(f"{url!r} is not an address such as https://erp.local:8443")
    return parts.scheme, parts.hostname.lower(), parts.port or PORTS[parts.scheme]


def open_connection(place: Place, seconds: float, tls: ssl.SSLContext) -> http.client.HTTPConnection:
    """Return a connection that is not made yet."""
    scheme, host, port = place
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=tls)
    return http.client.HTTPConnection(host, port, timeout=seconds)


class Hub:
    """The hub's door, asked with the key that stands in a file. Connections are kept for the next question."""

    def __init__(self, url: str, key_file: Path, tls: ssl.SSLContext) -> None:
        self._place = place_of(url)
        if self._place[0] == "http" and self._place[1] not in LOOPBACK:
            raise ValueError("The hub's address must begin with https:// unless it is on this machine.")
        self._base = urlsplit(url).path.rstrip("/") + "/connector/"
        self._key_file, self._tls = key_file, tls
        self._key = self._read_key()
        self._idle: list[http.client.HTTPConnection] = []
        self._held: http.client.HTTPConnection | None = None

    def ask(self, what: str, given: dict[str, Any], *, is_held: bool = False) -> dict[str, Any]:
        """Raises: HubTrouble. A question that is held may be cut short by `interrupt`."""
        content = self._exchange(what, json.dumps(given).encode(), "application/json", is_held=is_held)
        try:
            answer = json.loads(content or b"{}")
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise HubTrouble("What the hub answered is not for a connector. Is its address right?")
        return answer

    def hand_in(self, request_id: str, run: str, answer: bytes) -> None:
        """Raises: HubTrouble."""
        self._exchange(f"answers/{run}/{request_id}", answer, "application/octet-stream")

    def interrupt(self) -> None:
        held = self._held
        if held is not None and held.sock is not None:
            _cut(held.sock)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, what: str, content: bytes, content_type: str, *, is_held: bool = False) -> bytes:
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": content_type,
            "User-Agent": f"Headrace-connector/{VERSION}",
        }
        connection, is_used = self._connection()
        self._held = connection if is_held else self._held
        try:
            connection.request("POST", self._base + what, content, headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            # The hub may have closed a connection that was long idle. Taking is never asked twice.
            if is_used and isinstance(error, ConnectionError) and what != "take" and not is_held:
                return self._exchange(what, content, content_type)
            raise HubTrouble(f"The hub could not be asked ({type(error).__name__}).") from None
        finally:
            self._held = None if is_held else self._held
        self._idle.append(connection)
        if answer.status == 401:
            self._key = self._read_key()  # it may have been rotated
        if not 200 <= answer.status < 300:
            raise HubTrouble(_words_of(answer.status, body), answer.status)
        return body

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """Return a connection that nobody uses, and whether it was used before."""
        try:
            return self._idle.pop(), True
        except IndexError:
            return open_connection(self._place, HUB_SECONDS, self._tls), False

    def _read_key(self) -> str:
        key = self._key_file.read_text().strip()
        if not key or not key.isascii() or any(character.isspace() for character in key):
            raise ValueError(f"{self._key_file} must hold the connector's key and nothing else.")
        return key


class Platforms:
    """The addresses this connector was started for, and how requests to them are made."""

    def __init__(self, urls: Sequence[str], tls: ssl.SSLContext) -> None:
        self._allowed = {place_of(url) for url in urls}
        self._tls = tls

    def answer(self, question: dict[str, Any]) -> bytes:
        """Make the request and return the frame of its answer, or of why there is none. One attempt, never two."""
        try:
            status, headers, body = self._answer(question)
        except Failed as failure:
            return frame({"failure": str(failure)})
        return frame({"status": status, "headers": headers}, body)

    def _answer(self, question: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        place = self._place(question["url"])
        connection = open_connection(place, question["connect_seconds"], self._tls)
        clock: threading.Timer | None = None
        try:
            _connect(connection)
            # Each read has the time until the first byte; the clock ends the whole, however slowly an answer drips.
            connection.sock.settimeout(question["first_byte_seconds"])
            clock = threading.Timer(question["whole_seconds"], _cut, (connection.sock,))
            clock.daemon = True
            clock.start()
            _send(connection, question)
            return _receive(connection, question["max_bytes"])
        finally:
            if clock is not None:
                clock.cancel()
            connection.close()

    def _place(self, url: str) -> Place:
        try:
            place = place_of(url)
        except ValueError:
            raise Failed("refused") from None
        if place not in self._allowed:
            log.warning("Refused %s://%s:%s: this connector was not started with --platform for it.", *place)
            raise Failed("refused")
        return place


def frame(head: dict[str, Any], body: bytes = b"") -> bytes:
    return json.dumps(head).encode() + b"\n" + body


def _connect(connection: http.client.HTTPConnection) -> None:
    try:
        connection.connect()
    except ssl.SSLCertVerificationError:
        raise Failed("untrusted") from None
    except (OSError, UnicodeError):
        raise Failed("unreachable") from None


def _send(connection: http.client.HTTPConnection, question: dict[str, Any]) -> None:
    parts = urlsplit(question["url"])
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = base64.b64decode(question["body"]) if question["body"] is not None else None
    try:
        connection.putrequest(question["method"], target, skip_host=True, skip_accept_encoding=True)
        for name, value in question["headers"]:
            connection.putheader(name, value)
    except (ValueError, http.client.HTTPException):
        raise Failed("unsendable") from None
    try:
        connection.endheaders(body)
    except OSError:
        raise Failed("cut") from None


def _receive(connection: http.client.HTTPConnection, max_bytes: int) -> tuple[int, list[tuple[str, str]], bytes]:
    try:
        answer = connection.getresponse()
    except TimeoutError:
        raise Failed("silent") from None
    except OSError:
        raise Failed("cut") from None
    except http.client.HTTPException:
        raise Failed("not_http") from None
    is_success = 200 <= answer.status < 300
    if is_success and answer.length is not None and answer.length > max_bytes:
        raise Failed("too_large")
    body = bytearray()
    try:
        while len(body) <= max_bytes and (chunk := answer.read(CHUNK)):
            body += chunk
    except (OSError, http.client.HTTPException, ValueError):
        raise Failed("cut") from None
    if len(body) <= max_bytes and answer.length:  # of what it announced, so much never came
        raise Failed("cut")
    if is_success and len(body) > max_bytes:
        raise Failed("too_large")
    # Of a refusal the status says what there is to say, so one that is too long is cut.
    return answer.status, answer.getheaders(), bytes(body[: max_bytes + 1])


def _cut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class Connector:
    """Asks the hub for work for as long as it runs, and does a bounded number of requests at a time."""

    def __init__(self, hub: Hub, platforms: Platforms, urls: Sequence[str], *, concurrency: int = 4) -> None:
        self._hub, self._platforms = hub, platforms
        self._run = str(uuid.uuid4())
        self._introduction = {
            "run": self._run,
            "machine": socket.gethostname(),
            "version": VERSION,
            "platforms": list(urls),
        }
        self._concurrency = concurrency
        self._stop = threading.Event()
        self._change = threading.Condition()
        self._in_hand = 0
        self._troubles = 0

    def stop(self) -> None:
        """Take no more requests, finish those in hand, and end `run`. Safe in a signal handler and in any thread."""
        self._stop.set()
        self._hub.interrupt()

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                self._round()
                if self._troubles:
                    log.info("The hub answers again.")
                self._troubles = 0
            except HubTrouble as trouble:
                self._rest(trouble)
        self._finish()

    def _round(self) -> None:
        free = self._concurrency - self._in_hand
        if free <= 0:
            self._hub.ask("wait", {**self._introduction, "hold": False})
            with self._change:
                self._change.wait_for(lambda: self._in_hand < self._concurrency, BUSY_SECONDS)
            return
        found = self._hub.ask("wait", {**self._introduction, "hold": not self._stop.is_set()}, is_held=True)
        if not found.get("waiting"):
            self._stop.wait(found.get("ask_again_seconds", 0))
        elif not self._stop.is_set():
            # Only what is taken is ours to make, so a question that was left hanging takes nothing.
            taken = self._hub.ask("take", {**self._introduction, "count": free})["requests"]
            for question in taken:
                with self._change:
                    self._in_hand += 1
                threading.Thread(target=self._carry_out, args=(question,), daemon=True).start()
            if not taken:  # another connector was faster
                self._stop.wait(0.2)

    def _rest(self, trouble: HubTrouble) -> None:
        if self._stop.is_set():
            return
        longest = min(2.0**self._troubles, LONGEST_BACKOFF_SECONDS)
        self._troubles += 1
        seconds = random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, guards nothing
        log.warning("%s Trying again in %.0f s.", trouble, seconds)
        self._stop.wait(seconds)

    def _carry_out(self, question: dict[str, Any]) -> None:
        began = time.monotonic()
        try:
            answer = self._platforms.answer(question)
        except Exception:
            log.exception("A request went wrong inside the connector.")
            answer = frame({"failure": "cut"})
        parts = urlsplit(question["url"])
        took = (time.monotonic() - began) * 1000
        log.info("%s %s://%s%s: %s, %.0f ms", question["method"], parts.scheme, parts.netloc, parts.path,
                 _in_short(answer), took)  # fmt: skip
        self._hand_in(question["id"], answer)
        with self._change:
            self._in_hand -= 1
            self._change.notify_all()

    def _hand_in(self, request_id: str, answer: bytes) -> None:
        for tries in range(ANSWER_TRIES):
            try:
                self._hub.hand_in(request_id, self._run, answer)
                return
            except HubTrouble as trouble:
                if trouble.status == 413:
                    answer = frame({"failure": "too_large"})
                elif trouble.status == 409:
                    log.info("An answer came too late: %s", trouble)
                    return
                log.warning("An answer could not be handed in: %s", trouble)
                time.sleep(min(0.25 * 4**tries, 10.0))

    def _finish(self) -> None:
        log.info("Stopping, after %d requests in hand.", self._in_hand)
        with self._change:
            self._change.wait_for(lambda: not self._in_hand, GRACE_SECONDS)
        try:
            self._hub.ask("leave", {"run": self._run})
        except HubTrouble as trouble:
            log.warning("The hub was not told of the stop: %s", trouble)
        self._hub.close()


def _words_of(status: int, body: bytes) -> str:
    if status == 401:
        return "The hub does not accept the key. Was it rotated or revoked?"
    try:
        words = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        words = ""
    return f"The hub refused with status {status}. {str(words)[:200]}".strip()


def _in_short(answer: bytes) -> str:
    head = json.loads(answer[: answer.index(b"\n")])
    return str(head.get("failure") or head["status"])


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="connector", description="Make a hub's requests to platforms from here.")
    parser.add_argument("--hub", required=True, metavar="URL", help="address of the hub, e.g. https://hub.example.com")
    parser.add_argument("--key-file", required=True, type=Path, help="file that holds the connector's key, and only it")
    parser.add_argument(
        "--platform", required=True, action="append", metavar="URL", help="a platform that may be called; repeatable"
    )
    parser.add_argument("--concurrency", type=int, default=4, help="requests under way together (default 4)")
    parser.add_argument("--ca-file", type=Path, help="further authorities whose certificates are trusted")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asked = arguments(given)
    try:
        tls = ssl.create_default_context()
        if asked.ca_file:
            tls.load_verify_locations(asked.ca_file)
        hub = Hub(asked.hub, asked.key_file, tls)
        platforms = Platforms(asked.platform, tls)
    except (OSError, ValueError) as error:
        log.error("%s", error)
        return 2
    connector = Connector(hub, platforms, asked.platform, concurrency=max(1, min(asked.concurrency, 16)))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: connector.stop())
    log.info("Connector %s for %s", VERSION, ", ".join(asked.platform))
    connector.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
