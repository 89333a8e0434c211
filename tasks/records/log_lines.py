"""How processes write their log: one line a message, and no secret in it."""

import logging
import re

FORMAT = "%(levelname)s %(name)s: %(message)s"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: What is left out of whatever is logged: links, signatures, tokens and passwords of URLs.
_SECRETS = (
    (re.compile(r"(/sign-in/link/)[^\s'\"?]+"), r"\1…"),
    (re.compile(r"(/media/s/)[^\s'\"/]+"), r"\1…"),
    (re.compile(r"\b(dly_[0-9a-f]{8})_[\w-]+"), r"\1_…"),
    (re.compile(r"(?i)\b(bearer|ticket),?\s+[\w.~+/=-]{8,}"), r"\1 …"),
    (re.compile(r"(?i)\b(X-Amz-(?:Signature|Credential|Security-Token))=[^&\s'\"]+"), r"\1=…"),
    (re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s/@'\"]+@"), r"\1…@"),
)


def without_secrets(text: str) -> str:
    """The text with every link, signature, token and password of a URL left out."""
    for pattern, kept in _SECRETS:
        text = pattern.sub(kept, text)
    return text


def one_line(text: str) -> str:
    """The text with control characters and line breaks written out, such as ``\\n``."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class SafeFormatter(logging.Formatter):
    """A message is one line, whatever a request put into it; a traceback follows on its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name it has)
        """The line of a record, without its traceback."""
        record.message = one_line(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback where there is one."""
        return without_secrets(super().format(record))


def begin(level: str) -> None:
    """This process logs to stderr, without a time, which whoever collects the lines adds."""
    handler = logging.StreamHandler()
    handler.setFormatter(SafeFormatter(FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
