"""Values of a column that several rules name together."""

from tasks.recovery.verdict.situation import Pace, ParentState, QueueState, RowState

A_ROW = frozenset(RowState) - {RowState.none}
OPEN = frozenset({RowState.waiting, RowState.active})
GIVEN_UP = frozenset({RowState.failed, RowState.cancelled})
FINISHED = GIVEN_UP | {RowState.completed}
#: Of a message that the row names, or of none.
OWN = frozenset({QueueState.none, QueueState.held, QueueState.lost})
BUSY = frozenset({QueueState.held, QueueState.left, QueueState.fetched})
NOT_LOST = frozenset(QueueState) - {QueueState.lost}
IDLE = frozenset({QueueState.none, QueueState.lost})
NO_PARENT_OVER = frozenset({ParentState.none, ParentState.open})
NOT_MOVED = frozenset({Pace.resting, Pace.still})
NOT_STILL = frozenset({Pace.moved, Pace.resting})
