"""Videos and subtitles come in: request bodies to storage and rows.

May import: idempotency, multipart, deadline.
"""
