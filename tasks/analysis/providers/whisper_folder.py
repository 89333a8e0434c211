"""What lies in the folder of a Whisper model, and why faster-whisper could not use it.

Looked at before anything is loaded: what the library would say of it helps nobody, and where
tokenizer.json is missing it would ask a hub for one.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

MODEL, CONFIG, TOKENIZER = "model.bin", "config.json", "tokenizer.json"
SOUND = "preprocessor_config.json"
#: Bands of sound that faster-whisper makes where SOUND does not say.
USUAL_BANDS = 80
#: Where model.bin tells how many bands the model was made for.
_FIRST_LAYER = "encoder/conv1/weight"
#: From this version of model.bin on, each weight says how long it is in bytes.
_KNOWN_VERSION = 4
_POINTER = b"version https://git-lfs"
#: Files by which models for other programs are known.
_OTHERS = (
    ("ggml*.bin", "whisper.cpp"),
    ("*.gguf", "whisper.cpp"),
    ("*.safetensors", "Transformers"),
    ("pytorch_model*.bin", "Transformers"),
    ("*.pt", "OpenAI's whisper"),
    ("*.onnx", "ONNX"),
)
CONVERT = (
    "Convert one of Transformers: ct2-transformers-converter --model … --output_dir …"
    f" --copy_files {TOKENIZER} {SOUND}"
)


class NotAModel(Exception):
    """The folder cannot be used; the message is a sentence that names it and says why."""


@dataclass(frozen=True)
class WhisperFolder:
    """A model that is all there; ``size`` in bytes."""

    path: Path
    name: str
    size: int


def inspect_folder(folder: Path) -> WhisperFolder:
    """The model in a folder. Reads little of it. Raises NotAModel."""
    try:
        return _look(folder)
    except OSError as error:
        raise NotAModel(f"{error.filename or folder} cannot be read: {error.strerror}.") from None


def _look(folder: Path) -> WhisperFolder:
    if folder.is_file():
        raise NotAModel(f"{folder} is a file: name the folder of the model.")
    if not folder.is_dir():
        whole = " Write the whole path, without ~." if folder.parts[:1] == ("~",) else ""
        raise NotAModel(f"There is no folder {folder}.{whole}")
    model = folder / MODEL
    if not model.is_file():
        raise NotAModel(_instead(folder))
    with model.open("rb") as file:
        bands = _bands(file, model)
    _check_parts(folder, bands)
    return WhisperFolder(folder, _name(folder), model.stat().st_size)


def _instead(folder: Path) -> str:
    """What is said of a folder without a model.bin."""
    deeper = sorted([*folder.glob(f"*/{MODEL}"), *folder.glob(f"snapshots/*/{MODEL}")])
    if deeper:
        return f"The model lies deeper: name the folder {deeper[-1].parent}."
    for pattern, program in _OTHERS:
        if any(folder.glob(pattern)):
            return (
                f"{folder} has a model for {program}; faster-whisper needs one of CTranslate2"
                f" ({MODEL}). {CONVERT}"
            )
    return f"{folder} has no {MODEL}: it is not the folder of a model for faster-whisper."


def _name(folder: Path) -> str:
    """What a model is called: its folder, or in a hub's cache the folder that says which it is."""
    path = folder.resolve()
    if path.parent.name == "snapshots":
        return path.parent.parent.name.rpartition("--")[2]
    return path.name


def _check_parts(folder: Path, bands: int | None) -> None:
    vocabulary = any((folder / f"vocabulary.{kind}").is_file() for kind in ("json", "txt"))
    lacking = [name for name in (CONFIG, TOKENIZER) if not (folder / name).is_file()]
    lacking += [] if vocabulary else ["vocabulary.json"]
    if lacking:
        raise NotAModel(f"{folder} lacks {' and '.join(lacking)}: copy the whole model. {CONVERT}")
    _read_json(folder / TOKENIZER)
    if not _read_json(folder / CONFIG).get("alignment_heads"):
        raise NotAModel(
            f"{folder / CONFIG} names no alignment_heads, without which words have no times:"
            f" it was made by an old converter. {CONVERT}"
        )
    sound = folder / SOUND
    made = _read_json(sound).get("feature_size", USUAL_BANDS) if sound.is_file() else USUAL_BANDS
    if bands not in (None, made):
        raise NotAModel(
            f"The model in {folder} listens to {bands} bands of sound, but {SOUND}"
            f" {'says' if sound.is_file() else 'is missing, which means'} {made}: copy that file of"
            " the model too."
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise NotAModel(f"{path} is broken: copy the whole model again.") from None
    if not isinstance(found, dict):
        raise NotAModel(f"{path} is not what it should be: copy the whole model again.")
    return found


def _bands(file: BinaryIO, path: Path) -> int | None:
    """Goes through the weights without reading them; the bands of sound, where that is said.

    Raises NotAModel where they are not a Whisper model's, or are not all there.
    """
    if file.read(len(_POINTER)) == _POINTER:
        raise NotAModel(f"{path} is a pointer of Git LFS, not the model: run `git lfs pull` there.")
    file.seek(0)
    try:
        (version,) = _take(file, "I")
        kind = _take_text(file) if version >= 2 else ""
    except (_Short, UnicodeDecodeError):
        raise NotAModel(f"{path} is no model of CTranslate2. {CONVERT}") from None
    if not kind.endswith("Spec"):
        raise NotAModel(f"{path} is no model of CTranslate2. {CONVERT}")
    if kind != "WhisperSpec":
        raise NotAModel(f"{path} is a model of another kind ({kind}), which cannot listen.")
    if version < _KNOWN_VERSION:
        return None
    bands = None
    try:
        _revision, weights = _take(file, "II")
        for _ in range(weights):
            name = _take_text(file)
            (dimensions,) = _take(file, "B")
            shape = _take(file, f"{dimensions}I")
            _kind, size = _take(file, "=BI")
            file.seek(size - 1, 1)
            _take(file, "B")
            if name == _FIRST_LAYER and dimensions == 3:
                bands = shape[1]
    except (_Short, UnicodeDecodeError):
        size = path.stat().st_size
        raise NotAModel(
            f"{path} breaks off after {size:,} bytes: it was not copied to its end."
        ) from None
    return bands


class _Short(Exception):
    """The file ended too early."""


def _take(file: BinaryIO, layout: str) -> tuple[int, ...]:
    size = struct.calcsize(layout)
    data = file.read(size)
    if len(data) < size:
        raise _Short
    return struct.unpack(layout, data)


def _take_text(file: BinaryIO) -> str:
    (length,) = _take(file, "H")
    data = file.read(length)
    if len(data) < length:
        raise _Short
    return data.rstrip(b"\0").decode()
