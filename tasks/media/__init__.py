"""Pure functions of a source: probe, ladder, plan, playlists; ``process`` alone runs programs.

May import: errors.
"""
