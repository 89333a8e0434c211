"""The commands of `dailies`, one family a module; each is imported when it is called.

May import: up, auth, models, demo.
"""
