"""WebSockets: the event feed as JSON, and live panels of pages as HTML.

May import: auth, pages.
"""
