"""All that knows Dramatiq's layout in Redis: broker, messages, workers, backlog.

May import: models, infra, feed.
"""
