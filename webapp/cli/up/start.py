"""The story of `dailies up`: check, start servers, start processes, wait, tell, keep running."""

import json
import os
import shlex
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from filelock import Timeout
from honcho.environ import parse_procfile

from tasks.settings import Settings
from webapp.cli.commands.checkout import ROOT, process_environment
from webapp.cli.up import instance
from webapp.cli.up.address import listening_address, local_url
from webapp.cli.up.console import Console
from webapp.cli.up.data_folder import make_data_folder, server_passwords, storage_keys
from webapp.cli.up.first_sign_in import FirstSignInError, first_sign_in
from webapp.cli.up.servers import (
    MongoServer,
    RedisServer,
    S3Server,
    Server,
    ServerNotReady,
    free_port,
)
from webapp.cli.up.supervisor import Program, Supervisor

_READY_SECONDS = 60.0
# A log larger than this, in bytes, is set aside at a start.
_LARGE_LOG = 20 * 1024**2
# They would take the place of the embedded storage's own keys.
_OTHER_AWS_ACCESS = ("AWS_SESSION_TOKEN", "AWS_PROFILE")


class CannotStart(Exception):
    """`dailies up` cannot go on; the message says why and what to do."""


def embedded_servers(settings: Settings) -> list[Server]:
    """The servers that are not set, and so are to be started. Raises DataFolderError."""
    data = settings.data.resolve()
    servers: list[Server] = []
    if settings.mongo_url is None:
        password = server_passwords(data).mongo
        servers.append(MongoServer(data / "mongo", free_port(), password=password))
    if settings.redis_url is None:
        password = server_passwords(data).redis
        servers.append(RedisServer(data / "redis", free_port(), password=password))
    if settings.s3_endpoint_url is None and settings.aws_access_key_id is None:
        keys = storage_keys(data)
        servers.append(
            S3Server(data / "s3", free_port(), keys.access_key, keys.secret_key, settings.s3_bucket)
        )
    return servers


def check_port(settings: Settings) -> None:
    """Raises CannotStart where the dashboard cannot listen on HOST and PORT."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise CannotStart(
                f"PORT={settings.port}: cannot listen on {listening_address(settings)}"
                f" ({error.strerror or error}). Stop what uses it, or choose another port with"
                " --port."
            ) from None


def read_procfile(path: Path) -> dict[str, str]:
    """Name → shell command. Raises CannotStart where there is no such file."""
    try:
        return dict(parse_procfile(path.read_text(encoding="utf-8")).processes)
    except OSError as error:
        raise CannotStart(
            f"{path}: {error.strerror}. `dailies up` runs from a checkout of the project."
        ) from None


class Up:
    """One run of `dailies up`."""

    def __init__(self, settings: Settings, procfile: Path) -> None:
        self._settings = settings
        self._data = settings.data.resolve()
        self._commands = read_procfile(procfile)
        self._servers = embedded_servers(settings)
        self._console = Console([server.name for server in self._servers] + [*self._commands])
        self._supervisor = Supervisor(self._console)
        self._environment = process_environment(os.environ, settings.data)
        for server in self._servers:
            self._environment.update(server.variables())
        if any(isinstance(server, S3Server) for server in self._servers):
            for name in _OTHER_AWS_ACCESS:
                self._environment.pop(name, None)
        self._environment["DAILIES_SUPERVISED"] = "1"
        self._environment["PORT"] = str(settings.port)
        self._environment["DAILIES_HOST"] = settings.host

    def run(self) -> None:
        """Until Ctrl-C or SIGTERM. Raises CannotStart or MissingServer; stops all it started."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._supervisor.ask_to_stop)
        try:
            self._start_servers()
            self._start_processes()
            instance.announce(self._data, self._announcement())
            sign_in = self._how_to_sign_in()
            if self._wait_until_ready():
                self._console.block(self._welcome(sign_in))
            self._supervisor.run()
        finally:
            self._console.say("stopping everything (again Ctrl-C: at once)")
            self._supervisor.stop_all()
            instance.withdraw(self._data)
            self._console.say(f"stopped; data stay in {self._settings.data}")

    def _start_servers(self) -> None:
        logs = self._data / "log"
        logs.mkdir(exist_ok=True)
        programs = []
        for server in self._servers:
            log = logs / f"{server.name}.log"
            if log.exists() and log.stat().st_size > _LARGE_LOG:
                log.replace(log.with_suffix(".log.1"))
            server.prepare()
            program = Program(
                name=server.name,
                argv=server.argv(),
                environment={**os.environ, **server.environment()},
                folder=self._data,
                log=log,
                wait_ready=server.wait_ready,
            )
            self._supervisor.add(program)
            programs.append(program)
        for server, program in zip(self._servers, programs, strict=True):
            try:
                server.wait_ready(program.is_alive)
            except ServerNotReady as error:
                raise CannotStart(f"{error}. Its log ends:\n{program.log_tail()}") from None
            self._console.say(f"{server.title} answers on port {server.port}")

    def _start_processes(self) -> None:
        for name, command in self._commands.items():
            # `exec`: the shell gives way to the process, so that signals and the tie to this
            # parent reach the process itself.
            argv = ["/bin/sh", "-c", f"exec {command}"]
            self._supervisor.add(Program(name, argv, self._environment, ROOT))

    def _announcement(self) -> instance.Instance:
        found = {}
        for server in self._servers:
            found.update(server.variables())
        return instance.Instance(os.getpid(), local_url(self._settings), found)

    def _wait_until_ready(self) -> bool:
        """Whether `/readyz` says yes before somebody stops us; says what is missing when late."""
        until = time.monotonic() + _READY_SECONDS
        told = False
        while not self._supervisor.stopping:
            missing = self._ask_ready()
            if missing is None:
                return True
            if not told and time.monotonic() > until:
                told = True
                self._console.say(f"still not ready after {_READY_SECONDS:g} s: {missing}")
            self._supervisor.tick()
            time.sleep(0.1)
        return False

    def _ask_ready(self) -> str | None:
        """None when ready, else what the dashboard says is missing."""
        try:
            with urllib.request.urlopen(  # noqa: S310 (our own address)
                f"{local_url(self._settings)}/readyz", timeout=5
            ):
                return None
        except urllib.error.HTTPError as error:
            with error:
                return _what_is_missing(error.read(10_000))
        except OSError as error:
            return str(error)

    def _how_to_sign_in(self) -> list[str]:
        """Make the first admin. Raises CannotStart where the settings or the database forbid."""
        try:
            first = first_sign_in(self._environment)
        except FirstSignInError as error:
            raise CannotStart(str(error)) from None
        if first.link:
            return [
                f"Sign in   {local_url(self._settings)}{first.link}",
                f"          (works once, as {first.email}; choose a password there)",
            ]
        return [
            f"Sign in   {first.email}, with your password",
            f"          (none, or forgotten: {self._command('user')} link {first.email})",
        ]

    def _command(self, name: str) -> str:
        """How to call ``name`` in a second terminal in this folder, on this data folder."""
        own = Path(sys.executable).parent / "dailies"
        words = ["dailies"]
        if shutil.which("dailies") != str(own):
            words = [os.path.relpath(own)] if own.exists() else ["python", "-m", "webapp"]
        words.append(name)
        if self._settings.data != Settings.model_fields["data"].default:
            words += ["--data", str(self._settings.data)]
        return shlex.join(words)

    def _welcome(self, sign_in: list[str]) -> list[str]:
        return [
            "Dailies is ready.",
            "",
            f"Open      {local_url(self._settings)}",
            *sign_in,
            "",
            f"Try it    {self._command('demo')}   (in a second terminal: puts a short clip in)",
            "Stop      Ctrl-C   (data stay, and unfinished work goes on at the next start)",
        ]


def _what_is_missing(answer: bytes) -> str:
    """The failing checks of `/readyz`, such as "worker"; `dailies doctor` says more."""
    try:
        checks = json.loads(answer)["checks"].items()
        return ", ".join(name for name, check in checks if not check["ok"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer[:200].decode(errors="replace").strip()


def up(settings: Settings, procfile: Path) -> None:
    """Start everything and keep it running. Raises CannotStart, DataFolderError, MissingServer."""
    # Whatever is written from here on, by the servers too, is the owner's alone.
    os.umask(0o077)
    make_data_folder(settings.data)
    held = instance.lock(settings.data.resolve())
    try:
        held.acquire()
    except Timeout:
        other = instance.running_instance(settings.data)
        where = f" at {other.url} (process {other.pid})" if other else ""
        raise CannotStart(
            f"`dailies up` already runs on the data folder {settings.data}{where}. Stop it first,"
            " or choose another folder with --data."
        ) from None
    with held:
        check_port(settings)
        Up(settings, procfile).run()
