"""Names of uploaded files: as people gave them, and as keys in the bucket can have them."""

import re
import unicodedata

MAX_NAME = 255
MAX_SAFE_STEM = 80
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}$")


def shown_name(filename: str) -> str:
    """The name without folders and control characters, at most 255 characters; never empty."""
    name = re.split(r"[/\\]", filename)[-1]
    # Cc and Cf: also the marks that make "gpj.exe" look like "exe.jpg".
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = " ".join(name.split())
    if len(name) > MAX_NAME:
        suffix = _SUFFIX.search(name)
        ending = suffix[0] if suffix else ""
        name = name[: MAX_NAME - len(ending)] + ending
    return name if name.strip(". ") else "untitled"


def safe_name(filename: str) -> str:
    """A name of letters, digits, ``.``, ``_`` and ``-`` that keeps the ending; never empty."""
    name = shown_name(filename)
    suffix = _SUFFIX.search(name)
    ending = suffix[0].lower() if suffix else ""
    stem = unicodedata.normalize("NFKD", name.removesuffix(suffix[0] if suffix else ""))
    stem = stem.encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:MAX_SAFE_STEM]
    return (stem or "video") + ending
