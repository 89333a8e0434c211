"""What rows, queue and bucket together say: a table of rules, one for each situation.

The table is the whole of the judgement. Who reads rows and queue (``tasks.survey``,
``tasks.orphans``) brings a ``Situation``, and who repairs (``tasks.repairs``) does what the rule's
``fix`` says, so that a pass, the drift page, a dry run and "fix stuck" cannot disagree.
"""

from functools import cache

from tasks.verdict import files, jobs, parts
from tasks.verdict.rule import Fix, Rule, fixable
from tasks.verdict.situation import (
    BucketState,
    LeaseState,
    Pace,
    ParentState,
    QueueState,
    RowState,
    Situation,
    Subject,
)

#: Every situation matches exactly one of them.
RULES: tuple[Rule, ...] = (*parts.RULES, *jobs.RULES, *files.RULES)

BY_ID = {rule.id: rule for rule in RULES}


@cache
def judge(situation: Situation) -> Rule:
    """The rule for a situation."""
    return next(rule for rule in RULES if rule.matches(situation))


__all__ = [
    "BY_ID",
    "RULES",
    "BucketState",
    "Fix",
    "LeaseState",
    "Pace",
    "ParentState",
    "QueueState",
    "RowState",
    "Rule",
    "Situation",
    "Subject",
    "fixable",
    "judge",
]
