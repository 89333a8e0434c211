"""CloudWatch Logs by boto3: entries put into a stream, which is made where it is missing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tasks.cloudwatch.entry import Entry
from tasks.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import PutLogEventsResponseTypeDef

#: Seconds to connect, and to wait for an answer.
CONNECT_SECONDS = 3
ANSWER_SECONDS = 10


class Refused(Exception):
    """CloudWatch Logs did not take it; the message says why in a sentence."""


class Unusable(Refused):
    """It will never take these entries."""


class CloudWatch:
    """A log group. ``client`` is public so that what it is asked can be watched."""

    def __init__(self, client: "CloudWatchLogsClient", group: str) -> None:
        self.client = client
        self.group = group

    def put(self, stream: str, entries: Sequence[Entry]) -> int:
        """Logs one batch; returns how many of it were not kept, being too old or in the future.

        Makes group and stream where they are missing. Raises Refused, Unusable.
        """
        try:
            try:
                answer = self._put(stream, entries)
            except ClientError as error:
                if _code(error) != "ResourceNotFoundException":
                    raise
                self._make(stream)
                answer = self._put(stream, entries)
        except ClientError as error:
            kind = Unusable if _code(error) == "InvalidParameterException" else Refused
            raise kind(sentence(error)) from error
        except BotoCoreError as error:
            raise Refused(sentence(error)) from error
        rejected = answer.get("rejectedLogEventsInfo") or {}
        old = max(
            rejected.get("tooOldLogEventEndIndex", 0), rejected.get("expiredLogEventEndIndex", 0)
        )
        return old + len(entries) - rejected.get("tooNewLogEventStartIndex", len(entries))

    def look(self) -> bool:
        """Whether the group is there, asking without writing. Raises Refused."""
        try:
            self.client.describe_log_streams(logGroupName=self.group, limit=1)
        except ClientError as error:
            if _code(error) == "ResourceNotFoundException":
                return False
            raise Refused(sentence(error)) from error
        except BotoCoreError as error:
            raise Refused(sentence(error)) from error
        return True

    def _put(self, stream: str, entries: Sequence[Entry]) -> "PutLogEventsResponseTypeDef":
        return self.client.put_log_events(
            logGroupName=self.group,
            logStreamName=stream,
            logEvents=[{"timestamp": entry.at_ms, "message": entry.text()} for entry in entries],
        )

    def _make(self, stream: str) -> None:
        try:
            self._make_stream(stream)
        except ClientError as error:
            if _code(error) != "ResourceNotFoundException":
                raise
            with _unless_there():
                self.client.create_log_group(logGroupName=self.group)
            self._make_stream(stream)

    def _make_stream(self, stream: str) -> None:
        with _unless_there():
            self.client.create_log_stream(logGroupName=self.group, logStreamName=stream)


class _unless_there:  # noqa: N801
    """Passes over that somebody else has made it."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        return isinstance(error, ClientError) and (_code(error) == "ResourceAlreadyExistsException")


def make_cloudwatch(settings: Settings) -> CloudWatch:
    """The log group that the settings name. Raises ValueError where they name none."""
    group = settings.cloudwatch_group
    if group is None:
        raise ValueError("no log group is set")
    key, secret = settings.cloudwatch_access_key_id, settings.cloudwatch_secret_access_key
    token = None
    if key is None:
        key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
        token = settings.aws_session_token
    client: CloudWatchLogsClient = boto3.client(
        "logs",
        endpoint_url=settings.cloudwatch_endpoint_url,
        region_name=settings.aws_region,
        aws_access_key_id=key,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        aws_session_token=token.get_secret_value() if token else None,
        # Tried again by us, after a pause in which the feed is followed.
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
        ),
    )
    return CloudWatch(client, group)


def sentence(error: ClientError | BotoCoreError) -> str:
    """What went wrong, for people; it names no secret."""
    if isinstance(error, ClientError):
        said = error.response.get("Error", {}).get("Message", "")
        return f"CloudWatch Logs answers {_code(error)}: {said}"[:500].rstrip(": ")
    return f"CloudWatch Logs does not answer ({type(error).__name__})."


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "an error"))
