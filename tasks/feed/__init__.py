"""The event feed: what happened, as entries of one Redis stream.

May import: models, infra.
"""
