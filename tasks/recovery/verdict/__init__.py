"""Judges rows, queue and bucket together: a table of rules, one for each situation.

The table is the whole of the judgement. ``survey`` and ``orphans`` read rows and queue and bring a
``Situation``; ``repairs`` does what the rule's ``fix`` says. So a pass, the drift page, a dry run
and "fix stuck" cannot disagree.
"""

from functools import cache

from tasks.recovery.verdict import files, jobs, parts, streams
from tasks.recovery.verdict.rule import Fix, Rule, fixable
from tasks.recovery.verdict.situation import (
    FilesState,
    LeaseState,
    LiveState,
    OwnerState,
    Pace,
    ParentState,
    QueueState,
    RowState,
    Situation,
    StreamSays,
    StreamSituation,
    Subject,
)

#: Every situation matches exactly one of them.
RULES: tuple[Rule, ...] = (*parts.RULES, *jobs.RULES, *files.RULES, *streams.RULES)

BY_ID = {rule.id: rule for rule in RULES}


@cache
def judge(situation: Situation | StreamSituation) -> Rule:
    """The rule for a situation."""
    return next(rule for rule in RULES if rule.matches(situation))


__all__ = [
    "BY_ID",
    "RULES",
    "FilesState",
    "Fix",
    "LeaseState",
    "LiveState",
    "OwnerState",
    "Pace",
    "ParentState",
    "QueueState",
    "RowState",
    "Rule",
    "Situation",
    "StreamSays",
    "StreamSituation",
    "Subject",
    "fixable",
    "judge",
]
