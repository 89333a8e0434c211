"""What people and programs may do to jobs, the same for transcode jobs and upload jobs.

May import: recovery, removal, jobs and what jobs may import.
"""
