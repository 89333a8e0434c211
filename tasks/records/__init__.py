"""What was said and done: the audit log and the log of each job.

May import: models, infra, media.
"""
