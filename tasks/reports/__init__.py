"""Numbers for screens: statistics, storage held, health.

May import: control, and models, infra, queue, listing.
"""
