"""The job list, the page of one job, and what both show.

May import: the other modules of pages that have no page of their own.
"""
