"""What a worker process does when it starts and when it stops."""

import dramatiq

from tasks import migrations
from tasks.actors.gate import Gate
from tasks.actors.heartbeat import shutting_down
from tasks.actors.scratch import drop_left_behind
from tasks.infra.database import connect
from tasks.infra.source_cache import drop_unused
from tasks.queue.signals import PromptBroker
from tasks.queue.workers import presence
from tasks.settings import get_settings


class Boot(dramatiq.Middleware):
    """Connects, migrates, shows the worker as alive, and lets work stop quickly at the end."""

    def __init__(self) -> None:
        self._gate: Gate | None = None

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        connect()
        migrations.begin()

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if isinstance(broker, PromptBroker):
            broker.room.open(worker.worker_threads)

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        drop_left_behind()
        drop_unused(get_settings().scratch / "sources")
        presence.start()
        if isinstance(broker, PromptBroker):
            self._gate = Gate(broker)
            self._gate.start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        shutting_down.set()
        if self._gate is not None:
            self._gate.stop()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        presence.stop()
