"""Jobs that are held while something of them is taken away: many at a time, a single one as well.

A held job cannot be retried, nor cleaned up or deleted by anybody else. Whoever held it by the same
word before may go on, which is how a bulk operation does that lost its worker. Whatever fails lets
the job go; a process that was killed lets it go after ten minutes.
"""

import uuid
from collections.abc import Sequence

from tasks.errors import StorageFailed
from tasks.jobs import lifecycle
from tasks.jobs.allowed import ALLOWED, Action
from tasks.jobs.transition import Row
from tasks.models import TranscodeJob, UploadJob
from tasks.removal.removed import Removed

Jobs = type[TranscodeJob] | type[UploadJob]
#: Why nothing was done to a job.
Refusal = lifecycle.Conflict | lifecycle.NotFound | StorageFailed
#: What was taken away with each job, or why nothing was, by job id.
Answers = dict[str, Removed | Refusal]


def new_hold_token() -> str:
    """Random token identifying one holder."""
    return uuid.uuid4().hex


def hold(model: Jobs, action: Action, ids: Sequence[str], word: str) -> tuple[list[Row], Answers]:
    """Holds those that the action is allowed for; with the fields of
    ``tasks.jobs.transition.apply``. Of the others it is said why not."""
    held = lifecycle.hold(model, ids, ALLOWED[action], word)
    there = {row["job_id"] for row in held}
    rest = [job_id for job_id in ids if job_id not in there]
    return held, dict(lifecycle.why_not(model, action, rest))


def let_go(model: Jobs, answers: Answers, word: str) -> None:
    """Lets those jobs go that nothing came of."""
    failed = [job_id for job_id, answer in answers.items() if not isinstance(answer, Removed)]
    lifecycle.let_go(model, failed, word)


def the_one(answers: Answers) -> Removed:
    """The answer for a single job. Raises what it says."""
    (answer,) = answers.values()
    if isinstance(answer, Removed):
        return answer
    raise answer
