"""Requests to an OpenAI-compatible endpoint: timeouts, waits as long as it asks, and one sentence
for whatever else goes wrong. The key is in no message and no log."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3

from tasks.analysis.providers.provider import ProviderFailed, Watch
from tasks.models.clock import aware

log = logging.getLogger(__name__)

#: How often a request is sent that was refused for now, or met a fault of the endpoint.
TRIES = 3
#: Seconds before it is sent again where the endpoint does not say; doubles.
FIRST_WAIT = 1.0
#: Longest wait that is waited out here, in seconds; a longer one counts as refused.
LONGEST_WAIT = 60.0
#: Seconds to connect in, and bytes of an answer that are read.
CONNECT_SECONDS = 10.0
MOST_BYTES = 64 * 1024**2
_FOR_NOW = frozenset({408, 409, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Endpoint:
    """Where requests go; ``timeout`` in seconds, for one answer."""

    base_url: str
    key: str | None
    timeout: float

    def post_json(self, path: str, body: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        """The answer to a JSON body. Raises ProviderFailed, Stopped."""
        data = json.dumps(body).encode()
        return self._post(path, data, "application/json", watch)

    def post_form(self, path: str, fields: list[tuple[str, Any]], watch: Watch) -> dict[str, Any]:
        """The answer to a multipart form, whose files are (name, bytes, type)."""
        data, content_type = urllib3.encode_multipart_formdata(fields)
        return self._post(path, data, content_type, watch)

    def _post(self, path: str, data: bytes, content_type: str, watch: Watch) -> dict[str, Any]:
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        wait = FIRST_WAIT
        for attempt in range(1, TRIES + 1):
            watch.check()
            problem, asked = "", None
            try:
                answer = _pool().request(
                    "POST",
                    f"{self.base_url}/{path}",
                    body=data,
                    headers=headers,
                    # A redirect would hand the key and the words to somebody else.
                    redirect=False,
                    retries=False,
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=self.timeout),
                    preload_content=False,
                )
            except urllib3.exceptions.NewConnectionError:
                # A kind of timeout in urllib3, also where somebody refused at once.
                problem = "The endpoint cannot be reached."
            except urllib3.exceptions.TimeoutError:
                problem = f"The endpoint did not answer within {self.timeout:g} s."
            except urllib3.exceptions.HTTPError as error:
                problem = f"The endpoint cannot be reached ({type(error).__name__})."
            else:
                try:
                    text = answer.read(MOST_BYTES, decode_content=True)
                except urllib3.exceptions.HTTPError:
                    problem = "The endpoint's answer broke off."
                else:
                    if answer.status == 200:
                        return _object(text)
                    problem = _refusal(answer.status, text, self.key)
                    if answer.status not in _FOR_NOW:
                        raise ProviderFailed(problem)
                    asked = _retry_after(answer.headers.get("Retry-After"))
                finally:
                    answer.release_conn()
            seconds = wait if asked is None else asked
            if attempt == TRIES or seconds > LONGEST_WAIT:
                tried = f" Tried {attempt} times." if attempt > 1 else ""
                raise ProviderFailed(problem + tried)
            log.info("%s again in %.1f s: %s", path, seconds, problem)
            watch.wait(seconds)
            wait *= 2
        raise AssertionError("the last try answers or raises")


def _pool() -> urllib3.PoolManager:
    # One a request: they are few, and a worker's threads share none.
    return urllib3.PoolManager(num_pools=1)


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise ProviderFailed("The endpoint's answer is not JSON.") from None
    if not isinstance(found, dict):
        raise ProviderFailed("The endpoint's answer is JSON, but not an object.")
    return found


def _refusal(status: int, text: bytes, key: str | None) -> str:
    """What the endpoint says, as far as it says it in the usual form."""
    try:
        said = str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        said = ""
    if key:
        said = said.replace(key, "…")
    words = {401: "The key is refused", 429: "The endpoint is asked too often"}
    start = words.get(status, f"The endpoint answered {status}")
    return f"{start}: {said[:300]}" if said else f"{start}."


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, which has a number or a date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, (aware(at) - datetime.now(UTC)).total_seconds())
