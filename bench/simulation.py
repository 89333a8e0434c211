"""Many workers and films with an encoder that only sleeps: who waits for whom, in simulated time.

What is due is asked of ``tasks.jobs.decide``, what a worker may take of its ``FetchSlots``; only
the clock, the queues and the encoder are models. So a schedule of hours takes seconds.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bench.options import Options
from bench.report import Result
from tasks.jobs.decide import Enqueue, JobState, StepState, decide
from tasks.media.plan import FIRST_CHUNKS, cut, default_chunk_seconds
from tasks.models import Phase, Status, StepKind
from tasks.queue import broker
from tasks.queue.fetch_slots import FetchSlots
from tasks.settings import Settings

RATE, SEGMENT_SECONDS = 25, 6
FILM_SECONDS = 7200
#: Seconds of film that a worker encodes in a second, and what a start of the encoder costs it.
SPEED, START_SECONDS = 1.1, 0.3
#: Seconds from sending a message to its being taken by who is free, and for what follows an end.
LATENCY = 0.03
#: Seconds between the films of many, as people ask for them.
APART = 0.5
WORKERS = (1, 10, 50, 200)
FILMS = (1, 50)
#: Goals: share of the workers' time that passes idle while chunks wait, and the longest that the
#: first chunk of a film waits while somebody could take it.
MOST_IDLE, MOST_WAIT = 0.05, 2.0


@dataclass
class Outcome:
    """``idle``: share of the workers' time in which they encoded nothing although there were
    chunks that nobody had begun. ``wait``: the longest that a first chunk waited while some worker
    was free for it, in seconds. ``begun``: the longest until a film's first chunk began.
    ``seconds`` in all."""

    idle: float
    wait: float
    begun: float
    seconds: float


@dataclass
class _Worker:
    slots: FetchSlots
    held: set[str] = field(default_factory=set)  # queues
    encodes: int = 0


@dataclass
class _Film:
    name: str
    state: JobState
    seconds: list[float]
    asked_at: float
    begun_at: float | None = None
    sent_at: float | None = None
    waited: float = 0.0  # seconds, while somebody was free


class Simulation:
    """So many workers, and films that are asked for one after the other."""

    def __init__(self, workers: int, films: int, settings: Settings) -> None:
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._window, self._threads = settings.chunk_window, settings.worker_threads
        self._queues: dict[str, deque[tuple[_Film, StepState]]] = {
            name: deque() for name in broker.ACTORS
        }
        self._workers = [_Worker(self._slots(settings)) for _ in range(workers)]
        self._films = [_film(number, number * APART) for number in range(films)]
        self._chunks_left = sum(len(film.seconds) for film in self._films)
        self._busy = 0.0

    @staticmethod
    def _slots(settings: Settings) -> FetchSlots:
        slots = FetchSlots(lambda _queue: None, broker.BEHIND)
        slots.open(settings.worker_threads)
        return slots

    def run(self) -> Outcome:
        """Until the last film is encoded."""
        for film in self._films:
            self._at(film.asked_at, lambda film=film: self._advance(film))  # type: ignore[misc]
        last_start = busy_then = 0.0
        while self._events:
            at, _, do = heapq.heappop(self._events)
            self._pass(at)
            left = self._chunks_left
            do()
            self._dispatch()
            if left and not self._chunks_left:
                last_start, busy_then = self._now, self._busy
        idle = len(self._workers) * last_start - busy_then
        begun = max(film.begun_at - film.asked_at for film in self._films if film.begun_at)
        wait = max(film.waited for film in self._films)
        return Outcome(idle / (len(self._workers) * self._now), wait, begun, self._now)

    def _at(self, moment: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), do))

    def _pass(self, until: float) -> None:
        encoding = sum(bool(worker.encodes) for worker in self._workers)
        self._busy += encoding * (until - self._now)
        waiting = [film for film in self._films if film.sent_at is not None and not film.begun_at]
        if waiting and any(self._is_free(worker) for worker in self._workers):
            for film in waiting:
                film.waited += until - max(self._now, film.sent_at or 0.0)
        self._now = until

    def _is_free(self, worker: _Worker) -> bool:
        name = broker.FIRST_CHUNKS
        return name not in worker.held and len(worker.held) < self._threads

    def _advance(self, film: _Film) -> None:
        """What ``tasks.jobs.advance`` does while a film is encoded."""
        for action in decide(film.state, window=self._window):
            if isinstance(action, Enqueue):
                step = self._change(film, action.job_id, message_id="m")
                name = _queue_of(step)
                if step.kind is StepKind.CHUNK and step.index == 0:
                    film.sent_at = self._now
                self._at(
                    self._now + LATENCY,
                    lambda name=name, step=step: self._queues[name].append((film, step)),  # type: ignore[misc]
                )

    def _change(self, film: _Film, job_id: str, **fields: Any) -> StepState:
        steps = list(film.state.steps)
        place = next(n for n, step in enumerate(steps) if step.job_id == job_id)
        steps[place] = replace(steps[place], **fields)
        film.state = replace(film.state, steps=steps)
        return steps[place]

    def _dispatch(self) -> None:
        """Every worker takes what it may, as its consumers do: one message of a queue at a time."""
        for name, queue in self._queues.items():
            for worker in self._workers:
                if not queue:
                    break
                if name in worker.held or not worker.slots.enter(name):
                    continue
                film, step = queue.popleft()
                worker.slots.settle(name, step.job_id)
                worker.held.add(name)
                self._take(worker, name, film, step)

    def _take(self, worker: _Worker, name: str, film: _Film, step: StepState) -> None:
        self._change(film, step.job_id, status=Status.active, tried=True)
        is_chunk = step.kind is StepKind.CHUNK
        if is_chunk:
            self._chunks_left -= 1
            worker.encodes += 1
        if is_chunk and step.index == 0:
            film.begun_at = self._now
        seconds = film.seconds[step.index] if is_chunk else FILM_SECONDS / 100
        # A taken chunk lets its job send the next one.
        self._at(self._now + LATENCY, lambda: self._advance(film))
        self._at(
            self._now + START_SECONDS + seconds / SPEED,
            lambda: self._end(worker, name, film, step),
        )

    def _end(self, worker: _Worker, name: str, film: _Film, step: StepState) -> None:
        worker.slots.leave(step.job_id)
        worker.held.discard(name)
        if step.kind is StepKind.CHUNK:
            worker.encodes -= 1
        self._change(film, step.job_id, status=Status.completed)
        self._at(self._now + LATENCY, lambda: self._advance(film))


def _queue_of(step: StepState) -> str:
    if step.kind is StepKind.AUDIO:
        return broker.AUDIO
    return broker.FIRST_CHUNKS if step.index < FIRST_CHUNKS else broker.CHUNKS


def _film(number: int, asked_at: float) -> _Film:
    frames = FILM_SECONDS * RATE
    target = default_chunk_seconds(FILM_SECONDS) * RATE
    chunks = cut(frames, SEGMENT_SECONDS * RATE, target)
    name = f"film {number}"
    steps = [
        StepState(f"{name}.split", StepKind.SPLIT, 0, Status.completed),
        StepState(f"{name}.audio", StepKind.AUDIO, 0, Status.waiting),
        *(
            StepState(f"{name}.chunk.{c.index}", StepKind.CHUNK, c.index, Status.waiting)
            for c in chunks
        ),
    ]
    state = JobState(Status.active, Phase.transcoding, encodes=len(chunks) + 1, steps=steps)
    return _Film(name, state, [chunk.frames / RATE for chunk in chunks], asked_at)


def measure(options: Options) -> list[Result]:
    """Idle workers and waiting films, for each number of both."""
    settings = Settings()
    results = []
    for films in FILMS:
        for workers in WORKERS[:2] if options.quick else WORKERS:
            outcome = Simulation(workers, films, settings).run()
            name = f"{workers} workers, {films} films of 2 h"
            print(f"{name}: {outcome}", flush=True)
            results.append(Result(f"idle, {name}", outcome.idle, "share", MOST_IDLE))
            results.append(Result(f"first chunk waits, {name}", outcome.wait, "s", MOST_WAIT))
            results.append(Result(f"first chunk begins, {name}", outcome.begun, "s"))
    return results
