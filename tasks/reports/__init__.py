"""Numbers for screens: statistics, storage held, health.

May import: control and what control may import.
"""
