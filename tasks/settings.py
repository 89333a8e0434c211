"""Every setting, typed, read from the environment once a process."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

#: Where progress is logged unless another group is named.
DEFAULT_LOG_GROUP = "/video-encoding/progress"
#: The name of a folder in a key; it does not begin with a dot.
_STEP = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_LOG_GROUP = re.compile(r"[A-Za-z0-9._/#-]{1,512}")


class SettingsError(Exception):
    """A setting's value cannot be used; the message names it, the value and what is allowed."""


def _url(value: str | None, schemes: tuple[str, ...]) -> str | None:
    if value is None or value == "":
        return None
    parts = urlsplit(value)
    if parts.scheme not in schemes or not (parts.hostname or parts.scheme == "unix"):
        allowed = " or ".join(f"{scheme}://…" for scheme in schemes)
        raise ValueError(f"must be a URL of the form {allowed}")
    return value


_RATE = re.compile(r"[1-9][0-9]{0,6}/(second|minute|hour|day)")
#: A name or an address; no wildcards.
_HOST = r"[a-z0-9._-]+|[0-9a-f:.]+"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _origin(word: str) -> str:
    """An origin as browsers write it: in lower case, without the port that its scheme has anyway.

    Raises ValueError for anything else: a wildcard, a path, a name without a scheme.
    """
    parts = urlsplit(word.lower())
    try:
        port = parts.port
    except ValueError:
        port = -1
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    known = parts.scheme in _DEFAULT_PORTS and re.fullmatch(_HOST, parts.hostname or "")
    if not (bare and known) or port == -1:
        raise ValueError(f"{word[:100]!r} is no origin such as https://films.example:8443")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    own = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{own}"


class Settings(BaseSettings):
    """The environment of every Dailies process. An empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_prefix="", case_sensitive=False, extra="ignore", env_ignore_empty=True, frozen=True
    )

    port: Annotated[int, Field(ge=1, le=65535)] = Field(
        8000, description="Port the dashboard listens on."
    )
    host: str = Field(
        "127.0.0.1",
        validation_alias="DAILIES_HOST",
        description="Address the dashboard listens on; 0.0.0.0 for every interface.",
    )
    data: Path = Field(
        Path("var"),
        validation_alias="DAILIES_DATA",
        description="Folder for embedded servers' data and for scratch files of workers.",
    )
    mongo_url: str | None = Field(
        None,
        validation_alias=AliasChoices("MONGO_URL", "MONGODB_URI"),
        description="MongoDB to use, with a database name. Not set: an embedded one is started.",
    )
    redis_url: str | None = Field(
        None, description="Redis or Valkey to use. Not set: an embedded one is started."
    )
    s3_endpoint_url: str | None = Field(
        None,
        description="S3-compatible storage to use. Not set, and no AWS settings: embedded.",
    )
    s3_bucket: str = Field(
        "dailies",
        validation_alias=AliasChoices("S3_BUCKET", "AWS_S3_BUCKET"),
        description="Bucket for sources, work in progress and streams.",
    )
    key_prefix: str = Field(
        "",
        validation_alias="DAILIES_KEY_PREFIX",
        description="Folder of the bucket for everything, such as studio-a/. Not set: its top.",
    )
    aws_access_key_id: str | None = Field(None, description="Access key of the storage.")
    aws_secret_access_key: SecretStr | None = Field(None, description="Secret key of the storage.")
    aws_session_token: SecretStr | None = Field(None, description="Session token, if there is one.")
    aws_region: str = Field(
        "us-east-1",
        validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"),
        description="Region of the storage.",
    )
    media_base_url: str | None = Field(
        None,
        description="Public address of the bucket (a CDN). Not set: the dashboard serves streams.",
    )
    cloudwatch_logs: bool = Field(
        False,
        description="Log the progress of each video to CloudWatch Logs.",
    )
    cloudwatch_log_group: str | None = Field(
        None,
        description=(f"Log group for that, which turns it on too. Not set: {DEFAULT_LOG_GROUP}."),
    )
    cloudwatch_access_key_id: str | None = Field(
        None, description="Access key for CloudWatch Logs. Not set: that of the storage."
    )
    cloudwatch_secret_access_key: SecretStr | None = Field(
        None, description="Secret key of that access key."
    )
    cloudwatch_endpoint_url: str | None = Field(
        None,
        validation_alias=AliasChoices("AWS_ENDPOINT_URL_LOGS", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"),
        description="Address of CloudWatch Logs. Not set: that of the region, AWS_REGION.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Signs sessions and links. Not set: made once and kept under DAILIES_DATA.",
    )
    admin_email: str = Field(
        "admin@dailies.local",
        validation_alias="DAILIES_ADMIN_EMAIL",
        description="Sign-in name of the admin made at the first start.",
    )
    admin_password: SecretStr | None = Field(
        None,
        validation_alias="DAILIES_ADMIN_PASSWORD",
        description="Password of that admin. Not set: a one-time sign-in link is printed.",
    )
    api_token: SecretStr | None = Field(
        None,
        validation_alias="DAILIES_API_TOKEN",
        description="A bootstrap API token with all rights, for automation; 20 characters or more.",
    )
    ffmpeg: str | None = Field(None, description="ffmpeg to use, 5.1 or newer. Not set: searched.")
    ffprobe: str | None = Field(
        None, description="ffprobe to use, 5.1 or newer. Not set: searched."
    )

    cookie_secure: bool = Field(
        False,
        validation_alias="DAILIES_COOKIE_SECURE",
        description="Send cookies over HTTPS only. Set it wherever the dashboard is behind TLS.",
    )
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = Field(
        0,
        validation_alias="DAILIES_TRUSTED_PROXIES",
        description="How many reverse proxies in front set X-Forwarded-For and -Proto (a PaaS: 1).",
    )
    trust_forwarded_host: bool = Field(
        False,
        validation_alias="DAILIES_TRUST_FORWARDED_HOST",
        description="Take X-Forwarded-Host from those proxies, which must then always set it.",
    )
    max_upload_bytes: Annotated[int, Field(ge=1)] = Field(
        200 * 1024**3,
        validation_alias="DAILIES_MAX_UPLOAD_BYTES",
        description="Largest file an upload may have, in bytes.",
    )
    worker_processes: Annotated[int, Field(ge=1, le=64)] = Field(
        1, validation_alias="DAILIES_WORKER_PROCESSES", description="Processes of one worker."
    )
    worker_threads: Annotated[int, Field(ge=1, le=64)] = Field(
        3,
        validation_alias="DAILIES_WORKER_THREADS",
        description="Pieces of work one worker process does at the same time.",
    )
    web_concurrency: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="Processes of the web server; each holds thousands of sockets."
    )
    x264_preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"
    ] = Field(
        "veryfast",
        validation_alias="DAILIES_X264_PRESET",
        description="Speed of the encoder against size.",
    )
    loudness: Literal["off", "-16", "-23"] = Field(
        "off",
        validation_alias="DAILIES_LOUDNESS",
        description="Loudness in LUFS (EBU R128) that sound is brought to: -23 is television's,"
        " -16 that of phones and the web. Off: it stays as it is, and is measured.",
    )
    chunk_seconds: Annotated[float | None, Field(ge=2, le=600)] = Field(
        None,
        validation_alias="DAILIES_CHUNK_SECONDS",
        description="Length that chunks grow to. Not set: 24 for clips, up to 60 for films.",
    )
    chunk_window: Annotated[int, Field(ge=1, le=256)] = Field(
        4,
        validation_alias="DAILIES_CHUNK_WINDOW",
        description="Chunks of one job that wait in the queue at a time: a film starves no clip.",
    )
    max_attempts: Annotated[int, Field(ge=1, le=50)] = Field(
        4,
        validation_alias="DAILIES_MAX_ATTEMPTS",
        description="How often a piece of work is tried before it counts as failed.",
    )
    retry_min_seconds: Annotated[float, Field(ge=0.05, le=3600)] = Field(
        5.0,
        validation_alias="DAILIES_RETRY_MIN_SECONDS",
        description="Wait before the first retry; doubles with each, up to five minutes.",
    )
    lease_seconds: Annotated[float, Field(ge=2, le=600)] = Field(
        12.0,
        validation_alias="DAILIES_LEASE_SECONDS",
        description="How long a silent worker keeps its work before it is taken over.",
    )
    reconcile_seconds: Annotated[float, Field(ge=0.2, le=600)] = Field(
        3.0,
        validation_alias="DAILIES_RECONCILE_SECONDS",
        description="Pause between two passes of the reconciler.",
    )
    keep_retired_hours: Annotated[float, Field(ge=0, le=8760)] = Field(
        24.0,
        validation_alias="DAILIES_KEEP_RETIRED_HOURS",
        description="How long a stream that was replaced is kept for those who watch it, in hours.",
    )
    stall_seconds: Annotated[float, Field(ge=5, le=86400)] = Field(
        120.0,
        validation_alias="DAILIES_STALL_SECONDS",
        description="ffmpeg without any progress for so long is killed and retried.",
    )
    wall_factor: Annotated[float, Field(ge=1, le=10_000)] = Field(
        20.0,
        validation_alias="DAILIES_WALL_FACTOR",
        description="ffmpeg may take so many times a film's length, and ten minutes more.",
    )
    max_duration_hours: Annotated[float, Field(gt=0, le=1000)] = Field(
        24.0,
        validation_alias="DAILIES_MAX_DURATION_HOURS",
        description="Longest source that is accepted, in hours.",
    )
    ffmpeg_memory_bytes: Annotated[int, Field(ge=256 * 1024**2)] = Field(
        8 * 1024**3,
        validation_alias="DAILIES_FFMPEG_MEMORY_BYTES",
        description="Address space one ffmpeg may use, in bytes.",
    )
    scratch_bytes: Annotated[int, Field(ge=64 * 1024**2)] = Field(
        200 * 1024**3,
        validation_alias="DAILIES_SCRATCH_BYTES",
        description="Disk a worker's scratch folder may take, in bytes.",
    )
    job_log_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        30,
        validation_alias="DAILIES_JOB_LOG_DAYS",
        description="Days for which the lines of a transcode job's log are kept.",
    )
    analysis_provider: Literal["local", "openai"] = Field(
        "local",
        validation_alias="DAILIES_ANALYSIS_PROVIDER",
        description="Who listens and writes for training modules; local sends nothing anywhere.",
    )
    whisper_model: Path | None = Field(
        None,
        validation_alias="DAILIES_WHISPER_MODEL",
        description="Folder of a faster-whisper model. Not set: PocketSphinx, which is rough.",
    )
    openai_base_url: str = Field(
        "https://api.openai.com/v1",
        description="An OpenAI-compatible endpoint, for the provider openai.",
    )
    openai_api_key: SecretStr | None = Field(None, description="The key of that endpoint.")
    openai_transcription_model: str = Field(
        "whisper-1",
        validation_alias="DAILIES_OPENAI_TRANSCRIPTION_MODEL",
        description="Model that listens; it must give the times of words.",
    )
    openai_model: str = Field(
        "gpt-4o-mini",
        validation_alias="DAILIES_OPENAI_MODEL",
        description="Model that writes titles and summaries.",
    )
    openai_timeout_seconds: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        120.0,
        validation_alias="DAILIES_OPENAI_TIMEOUT_SECONDS",
        description="Longest wait for one answer of the endpoint.",
    )
    openai_price_input: Annotated[float, Field(ge=0)] = Field(
        0.0,
        validation_alias="DAILIES_OPENAI_PRICE_INPUT",
        description="Price of a million tokens sent; with such prices the cost is shown.",
    )
    openai_price_output: Annotated[float, Field(ge=0)] = Field(
        0.0,
        validation_alias="DAILIES_OPENAI_PRICE_OUTPUT",
        description="Price of a million tokens written.",
    )
    openai_price_minute: Annotated[float, Field(ge=0)] = Field(
        0.0,
        validation_alias="DAILIES_OPENAI_PRICE_MINUTE",
        description="Price of a minute of sound.",
    )
    cors_origins: str = Field(
        "",
        validation_alias="DAILIES_CORS_ORIGINS",
        description="Origins whose pages may use the API, such as https://a.example; by commas.",
    )
    import_prefixes: str = Field(
        "videos/",
        validation_alias="DAILIES_IMPORT_PREFIXES",
        description="Beginnings of keys in the bucket that may be named as videos; by commas.",
    )
    api_limit: str = Field(
        "6000/minute",
        validation_alias="DAILIES_API_LIMIT",
        description="Requests one API token may make, as NUMBER/second, /minute, /hour or /day.",
    )
    open_uploads: int = Field(
        40,
        ge=1,
        le=100_000,
        validation_alias="DAILIES_OPEN_UPLOADS",
        description="Uploads of one person or token that may run at a time in each web process.",
    )
    sockets: int = Field(
        20,
        ge=1,
        le=100_000,
        validation_alias="DAILIES_SOCKETS",
        description="WebSockets that one session or token may have open in each web process.",
    )
    upload_limit: str = Field(
        "2000/minute",
        validation_alias="DAILIES_UPLOAD_LIMIT",
        description="Uploads one person or token may begin, written in the same way.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="DAILIES_LOG_LEVEL", description="How much the log says."
    )

    @field_validator("mongo_url")
    @classmethod
    def _mongo(cls, value: str | None) -> str | None:
        return _url(value, ("mongodb", "mongodb+srv"))

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        return _url(value, ("redis", "rediss", "unix"))

    @field_validator("s3_endpoint_url", "media_base_url", "cloudwatch_endpoint_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        return _url(value.rstrip("/") if value else value, ("http", "https"))

    @field_validator("key_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        path = value.rstrip("/")
        if path and (len(path) > 200 or not all(map(_STEP.fullmatch, path.split("/")))):
            raise ValueError("must be like studio-a/ or films/studio-a/: letters, digits, - _ .")
        return f"{path}/" if path else ""

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        return ",".join(_origin(word.strip()) for word in value.split(",") if word.strip())

    @field_validator("import_prefixes")
    @classmethod
    def _prefixes(cls, value: str) -> str:
        prefixes = [word.strip() for word in value.split(",") if word.strip()]
        for prefix in prefixes:
            if not prefix.endswith("/") or prefix.startswith(("/", "sources/", "work/", "hls/")):
                raise ValueError("must be like videos/, and no folder of Dailies' own")
        return ",".join(prefixes)

    @field_validator("api_limit", "upload_limit")
    @classmethod
    def _rate(cls, value: str) -> str:
        if not _RATE.fullmatch(value):
            raise ValueError("must be like 600/minute: a number, then second, minute, hour or day")
        return value

    @field_validator("api_token", "secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 20:
            raise ValueError("must have 20 characters or more")
        return value

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins of ``cors_origins``, as browsers write them."""
        return tuple(self.cors_origins.split(",")) if self.cors_origins else ()

    @field_validator("cloudwatch_log_group")
    @classmethod
    def _log_group(cls, value: str | None) -> str | None:
        if value is not None and not _LOG_GROUP.fullmatch(value):
            raise ValueError("must have 1 to 512 letters, digits or any of . - _ / #")
        return value

    @property
    def cloudwatch_group(self) -> str | None:
        """The log group to which progress goes; None where it goes to none."""
        if self.cloudwatch_log_group is None and not self.cloudwatch_logs:
            return None
        return self.cloudwatch_log_group or DEFAULT_LOG_GROUP

    @property
    def scratch(self) -> Path:
        """Folder for a worker's temporary files."""
        return self.data.resolve() / "scratch"


def variable(name: str) -> str:
    """The environment variable of the field called ``name``, for messages and documentation."""
    alias = Settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return str(alias or name.upper())


def load_settings() -> Settings:
    """The settings of this process's environment.

    Raises SettingsError with one line a wrong variable: its name, the value, what is allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            field = str(problem["loc"][0])
            known = {variable(name): name for name in Settings.model_fields}
            name = field if field.isupper() else variable(field)
            secret = "SecretStr" in str(Settings.model_fields[known.get(name, field)].annotation)
            value = "(hidden)" if secret else _without_password(repr(problem["input"]))
            lines.append(f"{name}={value}: {problem['msg'].removeprefix('Value error, ')}")
        raise SettingsError("\n".join(lines)) from None


def _without_password(text: str) -> str:
    # Up to the last @: a password with a slash or an @ of its own is what makes most URLs wrong.
    return re.sub(r"//.*@", "//(hidden)@", text)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings, read once; ``get_settings.cache_clear()`` reads them anew."""
    return load_settings()
