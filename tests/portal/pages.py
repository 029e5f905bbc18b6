"""What tests look at in a page: elements, not substrings."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse

VOID = {"meta", "link", "input", "br", "img", "hr", "use", "path"}


class Element:
    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.parts: list[Any] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    @property
    def text(self) -> str:
        words = [part if isinstance(part, str) else part.text for part in self.parts]
        return re.sub(r" (?=[.,;:!?)])", "", " ".join(" ".join(words).split()))

    def all(self, tag: str = "", **wanted: str) -> list[Element]:
        """Return the elements below with this tag and these attributes (`data_tone` is data-tone, `class_` class)."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        found = []
        for part in self.parts:
            if isinstance(part, Element):
                if tag in ("", part.tag) and wanted.items() <= part.attributes.items():
                    found.append(part)
                found += part.all(tag, **wanted)
        return found

    def one(self, tag: str = "", **wanted: str) -> Element:
        found = self.all(tag, **wanted)
        assert len(found) == 1, f"{len(found)} elements match {tag} {wanted}"
        return found[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.open[-1].parts.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        for depth in range(len(self.open) - 1, 0, -1):
            if self.open[depth].tag == tag:
                del self.open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def page(response: HttpResponse | str) -> Element:
    reader = _Reader()
    reader.feed(response if isinstance(response, str) else response.content.decode())
    return reader.root


def rows(table: Element) -> list[list[str]]:
    """Return the texts of a table's body, cell by cell."""
    body = table.one("tbody")
    return [[c.text for c in tr.parts if isinstance(c, Element)] for tr in body.all("tr")]


def said(response: HttpResponse) -> list[tuple[str, str]]:
    """Return the messages a page opens with: (tone, text)."""
    return [(message["data-tone"], message.text) for message in page(response).all("p", class_="message")]
