"""Cuts what is read or written into batches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in their order, up to ``size`` at a time."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
