"""`python -m syncengine.sandbox`: serve until told to stop."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from datetime import date
from pathlib import Path
from threading import Thread

from syncengine.sandbox.businesses import BUSINESSES
from syncengine.sandbox.options import Options
from syncengine.sandbox.server import SandboxServer


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    usual = Options()
    parser = argparse.ArgumentParser(
        prog="python -m syncengine.sandbox", description="The sandbox accounting platform."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8010, help="0 takes a free one, which is printed")
    parser.add_argument("--size", type=int, help="invoices of every business")
    parser.add_argument("--business-size", action="append", default=[], metavar="ID=N", type=_business_size)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--as-of", type=date.fromisoformat, default=usual.as_of, help="last day of the books")
    parser.add_argument("--client-id", default=usual.client_id)
    parser.add_argument("--client-secret", default=os.environ.get("SANDBOX_CLIENT_SECRET", usual.client_secret))
    parser.add_argument(
        "--redirect-uri", action="append", default=[], help="may be given often; loopback ones need not"
    )
    parser.add_argument("--access-seconds", type=float, default=usual.access_seconds)
    parser.add_argument("--requests-per-minute", type=int, default=usual.requests_per_minute)
    parser.add_argument("--control-key", default=os.environ.get("SANDBOX_CONTROL_KEY", ""))
    parser.add_argument("--state", type=Path, help="directory that keeps grants and changes over a restart")
    return parser.parse_args(arguments)


def _business_size(text: str) -> tuple[str, int]:
    name, _, size = text.partition("=")
    if name not in BUSINESSES:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(BUSINESSES)}")
    return name, int(size)


def _options(given: argparse.Namespace) -> Options:
    return Options(
        size=given.size,
        business_sizes=dict(given.business_size),
        seed=given.seed,
        as_of=given.as_of,
        client_id=given.client_id,
        client_secret=given.client_secret,
        redirect_uris=tuple(given.redirect_uri),
        access_seconds=given.access_seconds,
        requests_per_minute=given.requests_per_minute,
        control_key=given.control_key,
        state=given.state,
    )


def main(arguments: list[str] | None = None) -> int:
    given = _arguments(arguments)
    server = SandboxServer(given.host, given.port, _options(given))
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: Thread(target=server.stop).start())
    sys.stdout.write(f"Sandbox: {server.url}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
