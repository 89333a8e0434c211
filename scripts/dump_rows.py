"""Writes the rows and indexes of a database as JSON, for the tests of migrations.

``python -m scripts.dump_rows MONGO_URL FILE``, on a small database that the version before filled
(start its ``dailies up``, do some work, and dump before the new version starts). Only collections
named in COLLECTIONS, so that no account or secret is in it.
"""

import sys
from pathlib import Path
from typing import Any

import pymongo
from bson import json_util
from pymongo.database import Database

COLLECTIONS = ("media", "transcode_jobs", "upload_jobs", "steps", "subtitles", "titles")


def main() -> None:
    url, file = sys.argv[1:]
    database: Database[dict[str, Any]] = pymongo.MongoClient(url).get_default_database()
    lines = []
    for name in COLLECTIONS:
        rows = database[name]
        lines += [json_util.dumps({"in": name, "row": row}) for row in rows.find()]
        for index, made in rows.index_information().items():
            if index != "_id_":
                options = {k: v for k, v in made.items() if k not in ("v", "key", "ns")}
                lines.append(json_util.dumps({"in": name, "index": made["key"], **options}))
    Path(file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
