"""The one shape of every error, and what each status means in this API."""

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"

#: What an error's status says, wherever it comes from.
MEANINGS = {
    400: "The request is malformed: a broken body, a missing file, or no CSRF token in a session.",
    401: "Nobody is signed in, or the token counts for nothing.",
    403: "Whoever asks may not do this.",
    404: "There is no such thing.",
    409: "Its state does not allow that.",
    410: "It is gone for good.",
    413: "What was sent is too large.",
    415: "What was sent is of another kind than expected.",
    416: "The file has no such range.",
    422: "A value cannot be right.",
    429: "Too many requests: `Retry-After` says when to go on.",
    502: "A server that this depends on gave an answer that is no use.",
    503: "The database, the queue or the storage is away: `Retry-After` says when to try again.",
}


class Problem(BaseModel):
    """An error (RFC 9457), with its sentence once more as `error`."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Always `about:blank`: `status` says what kind it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What is wrong, in one sentence for people.")
    instance: str = Field(description="The path that was asked for.")
    error: str = Field(description="The same as `detail`.")
