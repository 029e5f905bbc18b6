"""The official SDKs, each installed as its makers publish it into an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sdk:
    """One SDK in one version.

    package:  its import name.
    """

    name: str
    version: str
    package: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


PLATFORM_6 = Sdk("codat-platform", "6.0.0", "codat_platform")
PLATFORM_5 = Sdk("codat-platform", "5.0.1", "codat_platform")
COMMON = Sdk("codat-common", "0.35.0", "codat_common")
ACCOUNTING = Sdk("codat-accounting", "0.36.0", "codat_accounting")
EXPENSES = Sdk("codat-sync-for-expenses", "9.0.0", "codat_sync_for_expenses")


@dataclass(frozen=True)
class Said:
    """What came of one call.

    value:   what the SDK returned, as JSON with the wire's names.
    error:   the class it raised, "" when it raised none; `status` and `body` are the answer's.
    """

    value: Any = None
    error: str = ""
    status: int | None = None
    body: str = ""


class Runner:
    """Makes calls with one SDK against one server."""

    def __init__(self, sdk: Sdk, python: Path, url: str, authorization: str) -> None:
        self.sdk, self.python, self.url, self.authorization = sdk, python, url, authorization

    def calls(self, *calls: tuple[str, Any] | str) -> list[Said]:
        """Make the calls one after the other. A call is its dotted name, with its request's members if it takes any.

        Bytes are written as {"$bytes": their base64}.
        """
        wanted = [{"call": call} if isinstance(call, str) else {"call": call[0], "request": call[1]} for call in calls]
        told = {
            "package": self.sdk.package,
            "url": self.url,
            "authorization": self.authorization,
            "calls": wanted,
        }
        driver = Path(__file__).with_name("driver.py")
        done = subprocess.run(
            [self.python, driver], input=json.dumps(told), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return [
            Said(value=answer["value"])
            if answer["ok"]
            else Said(error=answer["error"], status=answer["status"], body=answer["body"])
            for answer in json.loads(done.stdout)
        ]

    def call(self, name: str, request: Any = ...) -> Said:
        return self.calls(name if request is ... else (name, request))[0]

    def value(self, name: str, request: Any = ...) -> Any:
        """Make one call that must succeed, and return what it returned."""
        said = self.call(name, request)
        assert said.error == "", f"{self.sdk} {name}: {said.error} {said.status} {said.body}"
        return said.value


def python_of(sdk: Sdk, folder: Path) -> Path:
    """Return the Python of the SDK's environment; made at the first call, kept for the next run."""
    place = folder / f"{sdk.name}-{sdk.version}-py{sys.version_info.major}{sys.version_info.minor}"
    python = place / "bin" / "python"
    ready = place / "ready"
    if not ready.exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", f"{sdk.name}=={sdk.version}"], check=True, timeout=600
        )
        ready.touch()
    return python
