"""Migrations as they lie in ``numbered/``, in the order of their numbers."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from tasks.migrations import numbered


@dataclass(frozen=True)
class Migration:
    """One file of ``numbered/``; the package's docstring says what its functions do."""

    name: str
    sentence: str
    remaining: Callable[[], int]
    run: Callable[[], Iterator[int]]


@cache
def catalogue() -> tuple[Migration, ...]:
    """Every migration, by number. Raises ValueError where two have one number."""
    names = sorted(module.name for module in pkgutil.iter_modules(numbered.__path__))
    numbers = [name.partition("_")[0] for name in names]
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"two migrations have one number: {', '.join(names)}")
    return tuple(_load(name) for name in names)


def _load(name: str) -> Migration:
    module = importlib.import_module(f"{numbered.__name__}.{name}")
    sentence = (module.__doc__ or "").strip().partition("\n\n")[0]
    return Migration(name, " ".join(sentence.split()), module.remaining, module.run)
