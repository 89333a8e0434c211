"""Reads pages as a browser's accessibility tree would: by elements and their text."""

import re
from html.parser import HTMLParser


class _Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class Page:
    """The elements of some markup, in order, and its text with single spaces."""

    def __init__(self, markup: str) -> None:
        collector = _Collector()
        collector.feed(markup)
        self.elements = collector.elements
        self.text = re.sub(r"\s+", " ", " ".join(collector.text))

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """The attributes of every such element; ``class_`` is one of its classes."""
        wanted = dict(attributes)
        one_class = wanted.pop("class_", None)
        return [
            found
            for name, found in self.elements
            if name == tag
            and all(found.get(key.replace("_", "-")) == value for key, value in wanted.items())
            and (one_class is None or one_class in found.get("class", "").split())
        ]

    @property
    def jobs(self) -> list[str]:
        """The ids of the rows, in order."""
        return [found["data-job"] for found in self.all("article", class_="job")]

    @property
    def posts(self) -> list[str]:
        """The addresses that its buttons post to."""
        return [found["hx-post"] for _, found in self.elements if "hx-post" in found]
