"""Peak memory of processes that come and go, and the processor time that they used."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psutil

SAMPLE_SECONDS = 0.2
MEGABYTE = 1024**2

Tree = Callable[[], Sequence[psutil.Process]]


def resident(processes: Sequence[psutil.Process]) -> float:
    """Resident memory of all together, in MB. What they share counts for each."""
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / MEGABYTE


def processor_seconds(
    processes: Sequence[psutil.Process], *, ended_children: bool = False
) -> float:
    """What they, or else their ended children, have used of the processors, in seconds."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        if ended_children:
            total += times.children_user + times.children_system
        else:
            total += times.user + times.system
    return total


class Peak:
    """``mb[name]`` is the most that a tree of processes had, ``before[name]`` what it had at the
    beginning."""

    def __init__(self, trees: Mapping[str, Tree]) -> None:
        self._trees = trees
        self.before = {name: resident(tree()) for name, tree in trees.items()}
        self.mb = dict(self.before)

    def growth(self, name: str) -> float:
        """How much more a tree had at its peak than at the beginning, in MB."""
        return self.mb[name] - self.before[name]

    def look(self) -> None:
        """Looks at each tree once."""
        for name, tree in self._trees.items():
            self.mb[name] = max(self.mb[name], resident(tree()))


@contextmanager
def peak_of(trees: Mapping[str, Tree]) -> Iterator[Peak]:
    """Within its ``with``, looks at each named tree of processes five times a second."""
    peak = Peak(trees)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_SECONDS):
            peak.look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()
