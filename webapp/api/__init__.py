"""The API for programs: one blueprint a file, with the models of its answers.

May import: everything of this level but pages, live and cli.
"""
