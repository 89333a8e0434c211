"""Roles of people and tokens."""

from enum import StrEnum


class Role(StrEnum):
    """Each role includes those before it."""

    viewer = "viewer"
    editor = "editor"
    admin = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what ``other`` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)
