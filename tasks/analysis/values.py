"""The values that pass between the parts of an analysis. Times are seconds from the start."""

from tasks.media.source import Value


class Word(Value):
    """A spoken word with its punctuation, and when it is said."""

    text: str
    start: float
    end: float


class Transcript(Value):
    """What is said. ``engine`` says in words what listened; ``rough``: it errs often.

    ``language`` is a BCP 47 tag, or empty where nobody knows it.
    """

    engine: str
    rough: bool = False
    language: str = ""
    words: tuple[Word, ...] = ()


class Sentence(Value):
    """Words that belong together."""

    text: str
    start: float
    end: float


class StepDraft(Value):
    """A part of the video that shows one thing."""

    title: str
    summary: str
    start: float
    end: float


class Outline(Value):
    """The module as it is written at first."""

    title: str
    summary: str
    steps: tuple[StepDraft, ...]


class Usage(Value):
    """What a paid provider counted; ``cost`` is None where no price is set."""

    input_tokens: int = 0
    output_tokens: int = 0
    audio_seconds: float = 0.0
    cost: float | None = None

    def __add__(self, other: "Usage") -> "Usage":
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            audio_seconds=self.audio_seconds + other.audio_seconds,
            cost=sum(costs) if costs else None,
        )


class Material(Value):
    """All that is known of a video when its module is written."""

    name: str
    duration: float
    sentences: tuple[Sentence, ...] = ()
    cuts: tuple[float, ...] = ()
    language: str = ""
