"""Imported in every process of a worker, after the actors: its logging, and its tie to the master.

Without the tie a master that is killed leaves its workers behind, which go on beside the new ones.
"""

from tasks.media.confined import hide_memory
from tasks.tether import die_with_parent
from webapp.log import log_short_lines

die_with_parent()
hide_memory()
log_short_lines()
