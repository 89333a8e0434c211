"""Progress of every video in CloudWatch Logs, for who watches there. Off unless it is set.

Nothing here is in the way of work: the reconciler's process follows the event feed, keeps what is
to be said in Redis, and says it when it can.
"""

from tasks.cloudwatch.shipping import start

__all__ = ["start"]
