"""Connections to MongoDB, Redis, S3 and the local disk; knows no rule of jobs.

May import: errors, keys, settings, models.
"""
