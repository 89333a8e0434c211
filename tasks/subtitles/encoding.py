"""Bytes to text, in whichever encoding: subtitle files seldom say theirs."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

from charset_normalizer import from_bytes

from tasks.errors import BadInput
from tasks.subtitles.detect import guess
from tasks.subtitles.scan import LINE_END, LeftOut

_MARKS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: Encodings that subtitle files are found in, and the languages that each is used for. A text
#: decoded wrongly may well look like letters, but seldom like a language of that encoding.
HOMES = {
    "cp1252": "en de fr es it pt nl sv da no nb nn fi is ca eu gl af id ms ga fo lb br",
    "cp1250": "pl cs sk hu sl hr bs ro sq sr",
    "cp1251": "ru uk bg be mk sr kk ky mn",
    "koi8_r": "ru bg",
    "cp932": "ja",
    "euc_jp": "ja",
    "gb18030": "zh",
    "big5": "zh",
    "cp949": "ko",
    "cp1253": "el",
    "cp1254": "tr az",
    "cp1255": "he yi",
    "cp1256": "ar fa ur",
    "cp1257": "lt lv et",
}
#: Thai is told by its letters alone, and any Cyrillic text decoded as Thai has only those.
_ONLY_IF_NOTHING_ELSE = {"cp874": "th"}

_SAMPLE_BYTES = 64 * 1024
#: Share of characters that make no sense beside each other, from which a text counts as noise.
_NOISE = 0.3
#: Share of zero bytes on one side of each pair that shows UTF-16 without a mark.
_UTF16_ZEROS = 0.3


#: Share of control characters from which a file counts as binary.
_BINARY = 0.03
#: Control characters that no file counts as binary for.
_FEW_CONTROLS = 3
_CONTROL_BYTES = bytes({*range(32)} - {*b"\t\n\f\r\x1a"})
_HIGH_BYTES = bytes(range(128, 256))
#: Sequences of several bytes that UTF-8 has, as a pattern of bytes.
_SEQUENCE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
#: Valid sequences for each byte outside of them that make a text a damaged one of UTF-8.
_SEQUENCES_PER_ERROR = 3
#: Characters for each that fits no encoding that make a text a damaged one of the encoding.
_CHARACTERS_PER_ERROR = 20
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x19\x1b-\x1f\x7f]")
_UNREADABLE = "\ufffd"


@dataclass(frozen=True)
class Decoded:
    """A text, the name of its encoding, and what of its bytes cannot be read, by line."""

    text: str
    encoding: str
    left_out: tuple[LeftOut, ...] = ()


def decode(data: bytes, language: str | None = None) -> Decoded:
    """The text of a subtitle file; ``language`` is a known tag.

    Bytes that cannot be read become U+FFFD, and control characters are left out. Raises BadInput
    where the bytes are no text.
    """
    known = (language or "").partition("-")[0]
    name = _certain(data)
    if name is None:
        # What follows needs every byte to be of a character.
        padded, data = data, data.replace(b"\0", b"")
        if _count(data, _CONTROL_BYTES) > max(_FEW_CONTROLS, len(data) * _BINARY):
            raise BadInput("This is binary data, not a subtitle file.")
        name = "utf-8" if _is_damaged_utf8(data) else _likely(data, known)
        data = padded
    if name is None:
        raise BadInput("This is not a text file, or its encoding is unknown.")
    try:
        text = data.decode(name)
        bad: Iterable[int] = ()
    except UnicodeDecodeError:
        text = _mixed(data, known) if name == "utf-8" else data.decode(name, errors="replace")
        bad = _lines_with(re.compile(_UNREADABLE), text)
    encoding = codecs.lookup(name).name.removesuffix("-sig")
    left_out = [
        LeftOut(line, f"bytes that are not valid {encoding} cannot be read.") for line in bad
    ]
    if _CONTROLS.search(text):
        lines = _lines_with(_CONTROLS, text.rstrip("\0"))
        left_out += [LeftOut(line, "control characters are left out.") for line in lines]
        text = _CONTROLS.sub("", text)
    # Old systems end a file with it.
    text = text.replace("\x1a", "")
    return Decoded(text, encoding, tuple(left_out))


def _lines_with(pattern: re.Pattern[str], text: str) -> list[int]:
    return [n for n, line in enumerate(LINE_END.split(text), 1) if pattern.search(line)]


def _mixed(data: bytes, language: str) -> str:
    """UTF-8 in which some lines are of another encoding, as where two files were joined."""
    lines = data.splitlines(keepends=True)
    others = [
        n for n, line in enumerate(lines) if not _SEQUENCE.search(line) and not line.isascii()
    ]
    other = _likely(b"".join(lines[n] for n in others), language) if others else None
    foreign = set(others) if other is not None else set()
    return "".join(
        line.decode(other if other and n in foreign else "utf-8", errors="replace")
        for n, line in enumerate(lines)
    )


def _is_damaged_utf8(data: bytes) -> bool:
    valid = len(_SEQUENCE.findall(data))
    rest = _SEQUENCE.sub(b"", data)
    wrong = _count(rest, _HIGH_BYTES)
    return valid >= max(1, wrong * _SEQUENCES_PER_ERROR)


def _count(data: bytes, which: bytes) -> int:
    """How many bytes of ``data`` are among ``which``."""
    return len(data) - len(data.translate(None, which))


def _certain(data: bytes) -> str | None:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if b"\0" in data:
        text = data.rstrip(b"\0")
        zeros = (text[0::2].count(0) * 2 / len(text), text[1::2].count(0) * 2 / len(text))
        if zeros[1] > _UTF16_ZEROS > zeros[0]:
            return "utf-16-le"
        if zeros[0] > _UTF16_ZEROS > zeros[1]:
            return "utf-16-be"
        return None
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8" if not _CONTROLS.search(data.decode("utf-8")) else None


def _likely(data: bytes, language: str) -> str | None:
    """Of the encodings that fit, the one that gives a language at home in it, and least noise."""
    if data.isascii():
        return "utf-8"
    sample = _dialogue(data)
    if not sample.strip():
        return None
    errors = {name: _errors(data, name) for name in {**HOMES, **_ONLY_IF_NOTHING_ELSE}}
    # Only a damaged text is whole in none of the encodings that it may be of.
    for count in sorted(set(errors.values())):
        if count * _CHARACTERS_PER_ERROR > len(data):
            break
        found = _best(sample, [name for name in errors if errors[name] == count], language)
        if found is not None:
            return found
    whole = [name for name, count in errors.items() if not count]
    best = from_bytes(sample, cp_isolation=whole or [*HOMES]).best()
    # A word or two: the commonest encoding, which gives letters for nearly every byte.
    return best.encoding if best is not None else "cp1252"


def _errors(data: bytes, name: str) -> int:
    return data.decode(name, errors="replace").count(_UNREADABLE)


def _best(sample: bytes, names: list[str], language: str) -> str | None:
    """The one of ``names`` whose text is of a language at home in it, with the least noise."""
    found: list[tuple[float, float, int, str]] = []
    for order, name in enumerate(names):
        homes = {**HOMES, **_ONLY_IF_NOTHING_ELSE}[name].split()
        at_home = language in homes
        if name in _ONLY_IF_NOTHING_ELSE and found and not at_home:
            continue
        text = sample.decode(name, errors="ignore")
        noise = _noise(text.encode(name, errors="ignore"), name)
        looks_like, probability = guess(text)
        if at_home:
            found.append((noise - 1.0, -probability, order, name))
        elif looks_like in homes and noise <= _NOISE:
            found.append((noise, -probability, order, name))
    return min(found)[-1] if found else None


def _noise(sample: bytes, name: str) -> float:
    best = from_bytes(
        sample,
        cp_isolation=[name],
        threshold=1.0,
        language_threshold=0.0,
        preemptive_behaviour=False,
    ).best()
    return float(best.chaos) if best is not None else 1.0


def _dialogue(data: bytes) -> bytes:
    """What people say in it: digits and arrows are the same in every encoding."""
    lines = [
        line for line in data.splitlines() if b"-->" not in line and not line.strip().isdigit()
    ]
    sample = b"\n".join(lines)
    if len(sample) > _SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n", 0, _SAMPLE_BYTES) + 1] or sample[:_SAMPLE_BYTES]
    return sample
