"""All books this platform keeps: one shelf for each business and type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from threading import Lock, RLock
from typing import Any

from syncengine.sandbox.attached import Attached
from syncengine.sandbox.books import Books
from syncengine.sandbox.businesses import BUSINESSES
from syncengine.sandbox.files import StateFile
from syncengine.sandbox.kinds import KINDS, checked_sizes, usual_sizes
from syncengine.sandbox.options import Options
from syncengine.sandbox.shelf import Shelf

_FILES = "files"


class Shop:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._file = StateFile(options.state, "books.json")
        self._lock = Lock()
        self._writing = {name: RLock() for name in BUSINESSES}
        self.books = {name: Books(business, options.seed, options.as_of) for name, business in BUSINESSES.items()}
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self.attached = Attached()
        self.reset()
        kept_all = self._file.load()
        self.attached.load(kept_all.pop(_FILES, []))
        for name, kept in kept_all.items():
            business, _, kind = name.partition("/")
            self._shelves[(business, kind)].load(kept)

    def shelf(self, business: str, kind: str) -> Shelf:
        """Raises: KeyError."""
        return self._shelves[(business, kind)]

    def writing(self, business: str) -> RLock:
        """The lock under which one write of this business is done at a time."""
        return self._writing[business]

    def sizes(self, business: str) -> dict[str, int]:
        return {kind: self.shelf(business, kind).size for kind in KINDS}

    def resize(self, business: str, changes: Mapping[str, int], now: datetime) -> dict[str, int]:
        """Raises: BadSize; nothing changed then."""
        sizes = checked_sizes(self.sizes(business), changes)
        for kind, size in sizes.items():
            self.shelf(business, kind).resize(size, now)
        self.save()
        return sizes

    def reset(self) -> None:
        """Back to the books as they were invented."""
        self.attached.clear()
        for name, books in self.books.items():
            chosen = self._options.business_sizes.get(name, self._options.size)
            sizes = checked_sizes(usual_sizes(books.business.default_size if chosen is None else chosen), {})
            for kind in KINDS.values():
                self._shelves[(name, kind.name)] = Shelf(books, kind, sizes[kind.name])

    def save(self) -> None:
        """Keep what differs from the invented books."""
        if not self._file.is_kept:
            return
        with self._lock:
            changed = {key: shelf for key, shelf in self._shelves.items() if shelf.is_changed}
            shelves: dict[str, Any] = {f"{business}/{kind}": own.dump() for (business, kind), own in changed.items()}
            self._file.save({**shelves, _FILES: self.attached.dump()})
