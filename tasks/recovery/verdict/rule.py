"""Rules: the values that one is for, the sentence for people, and the fix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tasks.recovery.verdict.situation import Situation, StreamSituation, Subject


class Fix(StrEnum):
    """The repairs."""

    nothing = "nothing"
    send = "A new message is sent."
    take_back = "It waits again and gets a new message, or fails after too many lost workers."
    cancel = "It is cancelled."
    advance = "What is due for it is started."
    drop = "The message is taken out of the queue."
    remove = "The files are removed."
    abort = "The parts that were sent are removed."
    settle = "Its state is set to what the video's row says."
    put_another = (
        "The newest other complete stream is published in its place. Where there is none, sync its "
        "job: that takes it off, and a retry makes another."
    )
    write = "It is written again as the video's row says, or removed where no stream is live."


@dataclass(frozen=True)
class Rule:
    """``sentence`` is for people. ``drift``: rows, queue and bucket disagree.

    ``by_itself``: a pass repairs it; otherwise a click does. ``when`` names the
    values a column may have; a column that is not named may have any.
    """

    id: str
    subject: Subject
    sentence: str
    fix: Fix = Fix.nothing
    drift: bool = False
    by_itself: bool = False
    when: Mapping[str, frozenset[Any]] = field(default_factory=dict)

    def matches(self, situation: Situation | StreamSituation) -> bool:
        """Whether the rule is for this situation."""
        return situation.subject is self.subject and all(
            getattr(situation, column) in allowed for column, allowed in self.when.items()
        )


def agree(id: str, subject: Subject, sentence: str, **when: Any) -> Rule:
    """A rule for what is as it should be."""
    return Rule(id, subject, sentence, when=_sets(when))


def heal(id: str, subject: Subject, sentence: str, fix: Fix, **when: Any) -> Rule:
    """A rule for drift that a pass repairs."""
    return Rule(id, subject, sentence, fix, drift=True, by_itself=True, when=_sets(when))


def report(id: str, subject: Subject, sentence: str, fix: Fix, **when: Any) -> Rule:
    """A rule for drift that a click repairs."""
    return Rule(id, subject, sentence, fix, drift=True, when=_sets(when))


def _sets(when: Mapping[str, Any]) -> dict[str, frozenset[Any]]:
    return {
        column: value if isinstance(value, frozenset) else frozenset({value})
        for column, value in when.items()
    }


def fixable(rule: Rule) -> bool:
    """Whether a click repairs it."""
    return rule.fix is not Fix.nothing
