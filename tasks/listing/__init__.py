"""Finds, orders and counts rows of jobs for lists; read-only.

May import: models, infra.
"""
