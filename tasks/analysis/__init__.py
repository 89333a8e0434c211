"""Makes a training module of a video: what is said and shown in it, cut into steps.

Pure functions of values, but for ``providers``; ``tasks.actors.analyse`` does the work.
May import: jobs and what jobs may import.
"""
