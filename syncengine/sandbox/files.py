"""State on disk: one JSON file written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec


class StateFile:
    """With no directory, nothing is kept."""

    def __init__(self, directory: Path | None, name: str) -> None:
        self._path = directory / name if directory else None

    @property
    def is_kept(self) -> bool:
        return self._path is not None

    def load(self) -> dict[str, Any]:
        if self._path is None or not self._path.exists():
            return {}
        content: dict[str, Any] = msgspec.json.decode(self._path.read_bytes())
        return content

    def save(self, content: dict[str, Any]) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(content))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
