"""Compares rows, queue and bucket, and repairs disagreements through jobs.

May import: removal, cloudwatch, jobs and what jobs may import.
"""
