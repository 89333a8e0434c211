"""Three mongods that are one database: the loss of one is not the loss of a write."""

from pathlib import Path

import pymongo

from tests.recovery.waiting import until
from tests.servers import Running
from webapp.cli.up.servers import LOOPBACK, MongoServer, free_port

NAME = "dailies"
#: Milliseconds of silence after which the others choose a new primary.
ELECTION_MS = 2_000


class Member(MongoServer):
    """One of the three."""

    def argv(self) -> list[str]:
        return [*super().argv(), "--replSet", NAME]

    @property
    def url(self) -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/{self.database}?directConnection=true"


class ReplicaSet:
    """A replica set of three in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.members = [
            Running(Member(folder / f"mongo-{number}", free_port()), folder / f"mongo-{number}.log")
            for number in range(3)
        ]

    @property
    def url(self) -> str:
        """What clients connect to; it asks for less than Dailies needs."""
        hosts = ",".join(f"{LOOPBACK}:{member.server.port}" for member in self.members)
        options = f"replicaSet={NAME}&w=1&journal=false&readPreference=nearest"
        return f"mongodb://{hosts}/dailies?{options}"

    def start(self) -> None:
        """Starts all three, and returns when they have a primary."""
        for member in self.members:
            member.spawn()
        for member in self.members:
            member.start()
        config = {
            "_id": NAME,
            "members": [
                {"_id": number, "host": f"{LOOPBACK}:{member.server.port}"}
                for number, member in enumerate(self.members)
            ],
            "settings": {"electionTimeoutMillis": ELECTION_MS, "heartbeatIntervalMillis": 500},
        }
        with _client(self.members[0]) as client:
            client.admin.command("replSetInitiate", config)
        until(self.primary, "a primary")

    def primary(self) -> Running | None:
        """The member that takes writes now; None while there is none."""
        for member in self.members:
            if member.alive:
                with _client(member) as client:
                    if client.admin.command("hello").get("isWritablePrimary"):
                        return member
        return None

    def stop(self) -> None:
        """Ends all of them for good."""
        for member in self.members:
            member.kill()


def _client(member: Running) -> pymongo.MongoClient[dict[str, object]]:
    return pymongo.MongoClient(member.url, serverSelectionTimeoutMS=5000)
