"""Computes how many chunks of a job are sent to the queues: enough for free workers, and no more.

What is queued of one film is what another film waits behind. So a job has few chunks in the queue,
and sends more as soon as one is taken, however many are being encoded.
"""

from collections.abc import Sequence

from tasks.media.plan import FIRST_CHUNKS


def chunks_due(unsent: Sequence[int], queued: Sequence[int], window: int) -> int:
    """The number of unsent chunks that are due now, the earliest first.

    Both are indexes: of chunks without a message, and of those whose message waits in the queue.
    The first chunks go one at a time, so that those of many films take turns; the others follow
    when all of the first are taken, so that the film is made in order.
    """
    if not unsent or any(index < FIRST_CHUNKS for index in queued):
        return 0
    if min(unsent) < FIRST_CHUNKS:
        return 1
    return min(len(unsent), max(0, window - len(queued)))
