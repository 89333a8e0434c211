"""Videos and subtitles come in: request bodies to storage and rows.

May import: auth, models.
"""
