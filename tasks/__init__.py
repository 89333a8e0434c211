"""The work: rows, queue, encoding, and what keeps them in step. Never imports ``webapp``."""
