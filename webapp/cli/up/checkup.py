"""The checks of `dailies doctor`, one function each."""

import platform
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import mongoengine
import psutil
import redis
from pymongo.errors import PyMongoError

from tasks import migrations
from tasks.analysis.providers.local import NO_WHISPER, NOTHING
from tasks.analysis.providers.whisper_folder import NotAModel, inspect_folder
from tasks.cloudwatch import spool
from tasks.cloudwatch.client import Refused, make_cloudwatch
from tasks.infra.database import NotConfigured
from tasks.infra.storage_client import make_client
from tasks.media import confined
from tasks.media.tools import ToolMissing, find_tools, version_of
from tasks.reports import health
from tasks.settings import Settings, variable
from webapp.cli.up.binaries import MissingServer
from webapp.cli.up.data_folder import DataFolderError, make_data_folder
from webapp.cli.up.servers import MongoServer, RedisServer, S3Server, Server

# What the pipeline's commands name: without one of them a kind of video fails.
_ENCODERS = ("libx264", "aac", "mjpeg")
_FILTERS = ("scale", "fps", "zscale", "tonemap", "tile")
#: The first release of each line of Redis without the faults published up to October 2025.
_REDIS_MENDED = {
    (6, 2): (6, 2, 20),
    (7, 2): (7, 2, 11),
    (7, 4): (7, 4, 6),
    (8, 0): (8, 0, 4),
    (8, 2): (8, 2, 2),
}
_LITTLE_DISK = 5 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One line of the report. "idle": fine, but not running now. ``advice``: what to do."""

    name: str
    state: Literal["ok", "idle", "missing"]
    detail: str
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order of the report. Takes some seconds; never raises."""
    return [
        _python(),
        _data_folder(settings),
        *_servers(settings),
        *_ffmpeg(settings),
        _walls(),
        _speech(settings),
        *_cloudwatch(settings),
    ]


def _python() -> Finding:
    # An older one could not even read this file.
    return Finding("Python", "ok", platform.python_version())


def _data_folder(settings: Settings) -> Finding:
    try:
        make_data_folder(settings.data)
    except DataFolderError as error:
        return Finding("Data folder", "missing", str(error), "Set DAILIES_DATA to another folder.")
    free = shutil.disk_usage(settings.data).free
    detail = f"{settings.data} with {free / 1e9:.0f} GB free"
    if free < _LITTLE_DISK:
        return Finding("Data folder", "ok", detail, "A film needs more: make room.")
    return Finding("Data folder", "ok", detail)


def _servers(settings: Settings) -> Iterator[Finding]:
    nowhere = Path()
    stored = settings.s3_endpoint_url or settings.aws_access_key_id
    checks = None
    if settings.mongo_url or settings.redis_url or stored:
        checks = health.check()
    for name, field, address, embedded in (
        ("mongodb", "mongo_url", settings.mongo_url, MongoServer(nowhere, 0)),
        ("redis", "redis_url", settings.redis_url, RedisServer(nowhere, 0)),
        ("s3", "s3_endpoint_url", stored, S3Server(nowhere, 0, "", "")),
    ):
        if address is None or checks is None:
            yield _embedded(embedded)
            continue
        check = checks[name]
        if not check.ok:
            yield Finding(
                embedded.title,
                "missing",
                check.detail,
                f"See that the server of {variable(field)} runs and lets this machine in.",
            )
        elif name == "s3":
            yield _storage(settings)
        else:
            yield Finding(embedded.title, "ok", check.detail)
    if settings.mongo_url and checks is not None and checks["mongodb"].ok:
        yield _migrations()
    yield _workers(settings, checks)


def _embedded(server: Server) -> Finding:
    """A server that is not set: is there a program to start?"""
    try:
        binary = server.binary()
    except MissingServer as error:
        what, _, advice = str(error).partition(". ")
        return Finding(server.title, "missing", what.partition(": ")[2], advice)
    # "version" for rclone, "--version" for the others; each takes one of the two.
    command = "version" if isinstance(server, S3Server) else "--version"
    try:
        answer = subprocess.run(
            [str(binary), command], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(server.title, "missing", str(error), f"Install {binary.name} anew.")
    number = re.search(r"v=?(\d+(\.\d+)+)", answer.stdout)
    if answer.returncode != 0 or not number:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        reason = said[0] if said else f"exit code {answer.returncode}"
        return Finding(
            server.title,
            "missing",
            f"{binary.name} does not run: {reason}",
            "Install what it lacks.",
        )
    detail = f"{binary.name} {number[1]}, which `dailies up` will start"
    return Finding(server.title, "idle", detail, _known_faults(binary.name, number[1]))


def _known_faults(program: str, version: str) -> str:
    """Advice where a version of Redis has faults that are known and mended in a newer one."""
    if program != "redis-server":
        return ""
    number = tuple(int(part) for part in version.split("."))
    mended = _REDIS_MENDED.get((number[0], number[1]))
    if (mended is None and number >= min(_REDIS_MENDED)) or (mended and number >= mended):
        return ""
    return (
        "This Redis has known security faults (CVE-2025-49844 among them). Only this machine's user"
        " reaches it; for a mended one install redis-server of Debian, or set REDIS_URL."
    )


def _storage(settings: Settings) -> Finding:
    """Put, get and delete an object, as uploads and streams will."""
    client = make_client(settings, patience=5, tries=1)
    bucket, key = settings.s3_bucket, f"{settings.key_prefix}work/doctor-{secrets.token_hex(8)}"
    body = secrets.token_bytes(64)
    step = "put"
    try:
        client.put_object(Bucket=bucket, Key=key, Body=body)
        step = "get"
        back = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        step = "delete"
        client.delete_object(Bucket=bucket, Key=key)
    except Exception as error:  # boto3 raises classes that it makes at run time
        return Finding(
            "S3",
            "missing",
            f"bucket {bucket}: cannot {step} an object ({error})",
            "Give the access key the right to list, put, get and delete in this bucket.",
        )
    if back != body:
        return Finding("S3", "missing", f"bucket {bucket} gave back something else than was put")
    advice = ""
    if settings.media_base_url:
        advice = (
            f"Players load from {settings.media_base_url}: it must allow GET from the dashboard's"
            " origin (CORS), with the header Range."
        )
    return Finding("S3", "ok", f"bucket {bucket}: put, get and delete work", advice)


def _migrations() -> Finding:
    """Which are pending, and how far. Pending is "not yet": code reads rows of before too."""
    name, advice = "Migrations", "`dailies migrate` runs them now; so does the next start."
    try:
        standing = migrations.standing()
    except (PyMongoError, mongoengine.ConnectionFailure) as error:
        return Finding(name, "missing", str(error))
    pending = [one for one in standing if not one.done]
    if not pending:
        return Finding(name, "ok", f"all {len(standing)} done")
    detail = "; ".join(f"{one.name}: {one.said}" for one in pending)
    failed = any(one.error for one in pending)
    return Finding(name, "missing" if failed else "idle", detail, advice)


def _workers(settings: Settings, checks: dict[str, health.Check] | None) -> Finding:
    if checks is None:
        return Finding("Workers", "idle", "`dailies up` will start one")
    check = checks["worker"]
    if check.ok:
        return Finding("Workers", "ok", check.detail)
    if settings.redis_url is None or not checks["redis"].ok:
        return Finding("Workers", "idle", "cannot be seen without Redis")
    return Finding("Workers", "missing", check.detail, "Start one: dailies worker")


def _cloudwatch(settings: Settings) -> Iterator[Finding]:
    """Asks without writing, and tells how the reconciler fares; nothing where it is not set up."""
    group = settings.cloudwatch_group
    if group is None:
        return
    advice = "Jobs do not need it. docs/cloudwatch.md says which rights the access key needs."
    try:
        there = make_cloudwatch(settings).look()
    except Refused as error:
        yield Finding("CloudWatch", "missing", f"log group {group}: {error}", advice)
        return
    detail = f"log group {group}" if there else f"log group {group}, made with the first entry"
    try:
        state = spool.state()
    except (NotConfigured, redis.RedisError):
        yield Finding("CloudWatch", "ok", detail)
        return
    detail += f": {state.sent:,} entries sent, {state.waiting:,} wait, {state.dropped:,} dropped"
    if state.last_success_at is not None:
        detail += f", the last at {state.last_success_at:%Y-%m-%d %H:%M:%S} UTC"
    if state.error is not None:
        yield Finding("CloudWatch", "missing", f"{detail}. {state.error}", advice)
    else:
        yield Finding("CloudWatch", "ok", detail)


def _ffmpeg(settings: Settings) -> Iterator[Finding]:
    try:
        tools = find_tools(settings.ffmpeg, settings.ffprobe)
    except ToolMissing as error:
        yield Finding("ffmpeg", "missing", str(error))
        return
    lacking = [
        *_lacking(tools.ffmpeg, "-encoders", _ENCODERS),
        *_lacking(tools.ffmpeg, "-filters", _FILTERS),
    ]
    detail = f"{version_of(tools.ffmpeg)} at {tools.ffmpeg}"
    if lacking:
        yield Finding(
            "ffmpeg",
            "missing",
            f"{detail} lacks {', '.join(lacking)}",
            "Set FFMPEG to a fuller build, such as Debian's, or install"
            " requirements-embedded.txt and take ffmpeg off PATH.",
        )
    else:
        yield Finding("ffmpeg", "ok", detail)
    yield Finding("ffprobe", "ok", f"{version_of(tools.ffprobe)} at {tools.ffprobe}")


def _walls() -> Finding:
    """What keeps ffmpeg, which reads strangers' files, from everything else."""
    missing = confined.missing_walls()
    if missing:
        detail = f"nothing keeps ffmpeg from {' and '.join(missing)}"
        advice = "Jobs run all the same. docs/security.md says what the kernel must allow."
        return Finding("Sandbox", "missing", detail, advice)
    version = confined.landlock_version()
    return Finding("Sandbox", "ok", f"Landlock {version} and seccomp keep ffmpeg to its own files")


def _speech(settings: Settings) -> Finding:
    """The speech provider of training modules; nothing is called, and no model loaded."""
    name = "Speech"
    if settings.analysis_provider == "openai":
        if not settings.openai_transcription_model:
            detail = "DAILIES_OPENAI_TRANSCRIPTION_MODEL is not set: modules have no transcript"
            return Finding(name, "idle", detail)
        detail = f"{settings.openai_transcription_model} at {settings.openai_base_url}"
        return Finding(name, "ok", detail)
    if settings.whisper_model is not None:
        return _whisper(name, settings.whisper_model)
    if find_spec("pocketsphinx") is None:
        return Finding(name, "idle", NOTHING)
    detail = f"PocketSphinx {version('pocketsphinx')}, American English, which errs often"
    advice = "For good transcripts set DAILIES_WHISPER_MODEL; docs/modules.md says how."
    return Finding(name, "ok", detail, advice)


def _whisper(name: str, folder: Path) -> Finding:
    if find_spec("faster_whisper") is None:
        return Finding(name, "missing", NO_WHISPER, "pip install 'dailies[whisper]'")
    try:
        model = inspect_folder(folder)
    except NotAModel as problem:
        return Finding(
            name, "missing", str(problem), "docs/modules.md says what the folder of a model has."
        )
    library = f"faster-whisper {version('faster-whisper')}"
    detail = f"Whisper model {model.name} ({model.size / 1e6:,.0f} MB) by {library}"
    free = psutil.virtual_memory().available
    advice = f"Only {free / 1e6:,.0f} MB of memory are free." if free < 2 * model.size else ""
    return Finding(name, "ok", detail, advice)


def _lacking(ffmpeg: str, listing: str, wanted: tuple[str, ...]) -> list[str]:
    """Which of ``wanted`` ffmpeg does not list; the second column of a line is the name."""
    listed = subprocess.run(
        [ffmpeg, "-hide_banner", listing], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    names = {columns[1] for line in listed.splitlines() if len(columns := line.split()) > 1}
    return [name for name in wanted if name not in names]
