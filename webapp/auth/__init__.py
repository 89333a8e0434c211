"""Identity and permissions of people and tokens.

May import: models.
"""
