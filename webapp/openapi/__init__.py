"""The API described from its code: `@documented` on each route, the document, pages to read it.

May import: auth, models.
"""

from webapp.openapi.documentation import Content, documented

__all__ = ["Content", "documented"]
