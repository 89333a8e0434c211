"""Progress of every video in CloudWatch Logs. Off unless it is set.

No work waits for it: the reconciler's process follows the event feed, keeps in Redis what is to
be sent, and sends it when it can. May import: models, infra, media, feed, jobs.
"""

from tasks.cloudwatch.shipping import start

__all__ = ["start"]
