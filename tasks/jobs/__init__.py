"""The only writer of a job's status: state machine, what is due, and its execution.

May import: models, infra, media, listing, feed, queue, records, subtitles.
"""
