"""Bytes to text, in whichever encoding: subtitle files seldom say theirs."""

import codecs

from charset_normalizer import from_bytes

from tasks.errors import BadInput
from tasks.subtitles.detect import guess

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


def decode(data: bytes, language: str | None = None) -> tuple[str, str]:
    """The text of a subtitle file and the name of its encoding; ``language`` is a known tag.

    Raises BadInput where the bytes are no text.
    """
    name = _certain(data) or _likely(data, (language or "").partition("-")[0])
    if name is None:
        raise BadInput("This is not a text file, or its encoding is unknown.")
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput(f"Line {line}: the bytes are not valid {name}.") from None
    for number, content in enumerate(text.splitlines(), 1):
        if any(c < " " and c not in "\t\f\x1a" for c in content):
            raise BadInput(f"Line {number}: this is binary data, not text.")
    return text, codecs.lookup(name).name.removesuffix("-sig")


def _certain(data: bytes) -> str | None:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if b"\0" in data:
        zeros = (data[0::2].count(0) * 2 / len(data), data[1::2].count(0) * 2 / len(data))
        if zeros[1] > _UTF16_ZEROS > zeros[0]:
            return "utf-16-le"
        if zeros[0] > _UTF16_ZEROS > zeros[1]:
            return "utf-16-be"
        raise BadInput("This is binary data, not a subtitle file.")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _likely(data: bytes, language: str) -> str | None:
    """Of the encodings that fit, the one that gives a language at home in it, and least noise."""
    sample = _dialogue(data)
    found: list[tuple[float, float, int, str]] = []
    for order, (name, homes) in enumerate({**HOMES, **_ONLY_IF_NOTHING_ELSE}.items()):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if not text.strip():
            return None
        at_home = language in homes.split()
        if name in _ONLY_IF_NOTHING_ELSE and found and not at_home:
            continue
        noise = _noise(sample, name)
        looks_like, probability = guess(sample.decode(name, errors="replace"))
        if at_home:
            found.append((noise - 1.0, -probability, order, name))
        elif looks_like in homes.split() and noise <= _NOISE:
            found.append((noise, -probability, order, name))
    if found:
        return min(found)[-1]
    best = from_bytes(sample, cp_isolation=[*HOMES]).best()
    # A word or two: the commonest encoding, which gives letters for nearly every byte.
    return best.encoding if best is not None else "cp1252"


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
