"""Subtitles: read, label, cut into segments, and list in a stream's master playlist.

May import: models, infra, media.
"""
