"""Removes files and rows of jobs, each only its own.

May import: jobs and what jobs may import.
"""
