"""Settings of gunicorn that no environment variable decides; `dailies web` passes the rest."""

import resource
import threading
import time
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from tasks.records.log_lines import FORMAT, SafeFormatter
from tasks.tether import die_with_parent
from webapp import stopping
from webapp.log import log_short_lines


class _ShortLogger(Logger):
    """gunicorn's own lines in the format of all others."""

    error_fmt = FORMAT

    def _set_handler(self, log: Any, output: Any, fmt: Any, stream: Any = None) -> None:
        fmt = SafeFormatter(fmt._fmt, fmt.datefmt)
        super()._set_handler(log, output, fmt, stream)


logger_class = _ShortLogger
accesslog = None
worker_class = "gevent"
# Connections that one process holds; more wait in the backlog. As many as it may have files for,
# because silent ones, which end by themselves after `keepalive` seconds, must not fill it.
_, _files = resource.getrlimit(resource.RLIMIT_NOFILE)
_files = min(_files, 20_000) if _files != resource.RLIM_INFINITY else 20_000
resource.setrlimit(resource.RLIMIT_NOFILE, (_files, _files))
worker_connections = max(256, _files - 500)
# Seconds. A worker process whose loop stands still for so long is replaced.
timeout = 60
# Seconds that open requests get at a stop. Open WebSockets always use them up, and come back by
# themselves, so few.
graceful_timeout = 3
keepalive = 15
# Bytes of the request line: S3-signed links are long, anything longer is an attack.
limit_request_line = 8190
limit_request_fields = 100
proc_name = "dailies-web"
control_socket_disable = True
# The heartbeat file on a memory file system, because a busy disk would make a worker look dead.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def post_fork(_server: Any, _worker: Any) -> None:
    """A worker process dies with its master, else it would hold the port against the next."""
    die_with_parent()
    log_short_lines()


def post_worker_init(worker: Any) -> None:
    """Migrations begin; and WebSockets are told why they end, before the worker process
    waits for them and kills them."""
    # Not before gevent has patched what it imports, which it does in the worker process.
    from tasks import migrations
    from webapp import models

    migrations.begin(models.ensure_indexes)
    threading.Thread(target=_wait_for_end, args=(worker,), daemon=True).start()


def _wait_for_end(worker: Any) -> None:
    # gunicorn has no hook for this: its signal handlers do no more than to set a flag.
    while worker.alive:
        time.sleep(0.25)
    stopping.tell(worker.wsgi)
