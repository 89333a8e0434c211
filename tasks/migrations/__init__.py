"""Brings stored rows to the shape that this version writes: numbered steps, each run once.

May import: errors, keys, settings, models, listing, infra.

To add one, put a file into ``numbered/`` with the next number and a name that says what it does, as
``0004_stream_of_media.py``. It has a docstring of one sentence, which is shown to people, and two
functions:

- ``remaining() -> int``: rows that are still to be changed. Asked when it begins.
- ``run() -> Iterator[int]``: changes them in batches of some thousand rows, and yields after each
  batch how many rows that was. Between two yields there is at most half a minute.

Three rules:

- It may stop anywhere (``kill -9``, a lost lease) and is then run again from its beginning, perhaps
  by another process. So it finds what is left by a query, and changing a row twice does no harm.
- Processes of the version before run beside it, and so do new ones before it is done. So code reads
  both shapes for one version; a field or an index goes one version after its last reader.
- It never changes after a release. A mistake is mended by the next number.

Indexes need no migration: declare them in a document's ``meta``, and each start makes what is
missing. An index that is replaced is dropped by a migration, one version later.

`dailies migrate` runs what is pending, and so does each start of a web process, a worker and a
reconciler, aside. One process at a time runs a migration, by a lease in its record in MongoDB, and
the others wait for it. A test puts rows of the version before in and runs it:
``tests/tasks/migrations``.
"""

from tasks.migrations.begin import begin
from tasks.migrations.catalogue import Migration, catalogue
from tasks.migrations.run import MigrationFailed, run
from tasks.migrations.standing import Standing, standing

__all__ = ["Migration", "MigrationFailed", "Standing", "begin", "catalogue", "run", "standing"]
