"""`dailies up`: embedded servers, and the processes of the Procfile over them, supervised.

May import: auth, models.
"""
