"""Benchmarks of the whole system over real servers: ``python -m bench``."""
