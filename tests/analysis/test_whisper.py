"""faster-whisper itself, with a model made by hand: what it is asked, and what becomes of it."""

import shutil
import struct
import sys
import threading
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.analysis.providers import ProviderFailed, Watch, whisper
from tasks.analysis.providers.whisper_folder import NotAModel, inspect_folder
from tasks.analysis.values import Transcript
from tasks.errors import Stopped
from tasks.infra.storage import get_storage
from tasks.media.tools import Tools
from tasks.models import Subtitle
from tasks.settings import get_settings
from tests.analysis.clips import SCENE, SPOKEN, a_module, worked
from tests.analysis.scripted_whisper import make_model
from tests.media.clips import ffmpeg
from tests.servers import Servers
from webapp.cli.up import checkup

#: Tokens as Whisper writes them, with the seconds at which they begin.
SCRIPT = (
    (" Das", 0.4),
    (" ist", 0.8),
    (" wohl", 1.0),
    ("-", 1.2),
    ("bekannt", 1.2),
    (",", 1.4),
    (" zu", 1.6),
    (" 10", 1.8),
    ("%", 2.0),
    (".", 2.2),
    ("", 2.4),
)
SAID = ["Das", "ist", "wohl-bekannt,", "zu", "10%."]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny-by-hand", SCRIPT, "de")


@pytest.fixture(scope="module")
def spoken(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of speech as the worker makes them for a provider."""
    path = tmp_path_factory.mktemp("sound") / "sound.wav"
    ffmpeg(tools, "-i", SPOKEN, "-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le", path)
    return path


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    # More of them wait for each other where others work too.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Sets the folder of the model."""

    def set_to(folder: Path) -> None:
        monkeypatch.setenv("DAILIES_WHISPER_MODEL", str(folder))
        get_settings.cache_clear()

    yield set_to
    monkeypatch.undo()
    get_settings.cache_clear()


def frames_of(path: Path) -> bytes:
    with wave.open(str(path)) as audio:
        return audio.readframes(audio.getnframes())


def sound_of(path: Path, frames: bytes) -> float:
    """Writes a WAV; its seconds."""
    with wave.open(str(path), "wb") as audio:
        audio.setparams((1, 2, 16000, 0, "NONE", ""))
        audio.writeframes(frames)
    return len(frames) / 32000


def heard(sound: Path, seconds: float, model: Path) -> tuple[Transcript, list[float]]:
    """The transcript, and the shares that were reported."""
    shares: list[float] = []
    transcript = whisper.transcribe(sound, seconds, model, Watch(threading.Event(), shares.append))
    return transcript, shares


def test_a_module_with_a_model(
    database: Servers, clip: Path, model: Path, settings_of: Callable[[Path], None]
) -> None:
    settings_of(model)
    module = worked(a_module(clip))

    assert (module.speech, module.rough) == ("Whisper (tiny-by-hand)", False)
    assert (module.language, module.words) == ("de", len(SAID))
    notes = {row["id"]: row.get("note") for row in module.stages}
    assert notes["speech"] == "5 words by Whisper (tiny-by-hand)."

    transcript = Transcript.model_validate_json(get_storage().get_bytes(module.transcript_key))
    # What is written without a space before it belongs to the word before.
    assert [word.text for word in transcript.words] == SAID
    # The model says where each begins; the first one also has what is before it.
    starts = [word.start for word in transcript.words]
    assert starts[1:] == pytest.approx([0.8, 1, 1.6, 1.8], abs=0.1)
    assert all(0 <= word.start < word.end < SCENE for word in transcript.words)

    subtitle = Subtitle.objects(media_id=module.media_id).get()
    assert (subtitle.given_label, subtitle.given_language) == ("Captions", "de")
    text = get_storage().get_bytes(subtitle.source_key).decode()
    assert "Das ist wohl-bekannt, zu 10%." in text
    assert module.steps[0]["summary"] == "Das ist wohl-bekannt, zu 10%."


def test_a_long_sound_is_heard_in_pieces_that_end_in_silence(
    spoken: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper, "PIECE_SECONDS", 6)
    monkeypatch.setattr(whisper, "LOOK_BACK", 2)
    speech = frames_of(spoken)
    # Speech until 3.3 s, silence until 5, and the same again: the sixth second is spoken.
    part = speech + bytes(5 * 32000 - len(speech))
    seconds = sound_of(tmp_path / "long.wav", part + part)
    transcript, shares = heard(tmp_path / "long.wav", seconds, model)
    assert [word.text for word in transcript.words] == SAID * 2
    starts = [word.start for word in transcript.words]
    assert starts == sorted(starts)
    assert starts[: len(SAID)][-1] < 3.3 < 4 < starts[len(SAID)]
    assert transcript.words[-1].end <= seconds
    assert shares == sorted(shares)
    assert 0.5 < shares[-1] <= 1


def test_where_nobody_speaks_there_are_no_words_and_no_language(
    model: Path, tmp_path: Path
) -> None:
    for frames in (bytes(2 * 32000), b""):
        seconds = sound_of(tmp_path / "still.wav", frames)
        transcript, _ = heard(tmp_path / "still.wav", seconds, model)
        assert (transcript.words, transcript.language) == ((), "")


def test_listening_stops_when_told_to(spoken: Path, model: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        whisper.transcribe(spoken, 3.3, model, Watch(stop, lambda _share: None))


def test_a_writing_without_spaces_is_not_drawn_together(spoken: Path, tmp_path: Path) -> None:
    script = (("你", 0.4), ("好", 0.8), ("吗", 1.2), ("？", 1.4), ("", 1.6))  # noqa: RUF001
    transcript, _ = heard(spoken, 3.3, make_model(tmp_path / "zh", script, "zh"))
    assert [word.text for word in transcript.words] == ["你", "好", "吗？"]  # noqa: RUF001
    assert transcript.language == "zh"


def broken(model: Path, folder: Path, change: Callable[[Path], object]) -> Path:
    """A copy of the model in which something is changed."""
    shutil.copytree(model, folder)
    change(folder)
    return folder


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def another_kind(path: Path) -> None:
    name = b"TransformerSpec"
    path.write_bytes(struct.pack("<IH", 6, len(name) + 1) + name + b"\0")


def for_transformers(folder: Path) -> None:
    (folder / "model.bin").rename(folder / "model.safetensors")


def in_a_cache(folder: Path) -> None:
    inside = folder / "snapshots" / "0a1b"
    inside.mkdir(parents=True)
    (folder / "model.bin").rename(inside / "model.bin")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: shutil.rmtree(f), "There is no folder {0}."),
        (lambda f: (f / "model.bin").unlink(), "{0} has no model.bin"),
        (for_transformers, "{0} has a model for Transformers"),
        (lambda f: (f / "model.bin").rename(f / "ggml-base.bin"), "has a model for whisper.cpp"),
        (in_a_cache, "The model lies deeper: name the folder {0}/snapshots/0a1b."),
        (lambda f: cut(f / "model.bin"), "{0}/model.bin breaks off after"),
        (lambda f: (f / "model.bin").write_bytes(b""), "{0}/model.bin is no model of CTranslate2"),
        (
            lambda f: (f / "model.bin").write_bytes(b"PK\3\4" + bytes(range(200))),
            "{0}/model.bin is no model of CTranslate2",
        ),
        (
            lambda f: (f / "model.bin").write_text("version https://git-lfs.github.com/spec/v1\n"),
            "{0}/model.bin is a pointer of Git LFS",
        ),
        (lambda f: another_kind(f / "model.bin"), "is a model of another kind (TransformerSpec)"),
        (lambda f: (f / "tokenizer.json").unlink(), "{0} lacks tokenizer.json"),
        (lambda f: (f / "vocabulary.json").unlink(), "{0} lacks vocabulary.json"),
        (lambda f: cut(f / "tokenizer.json"), "{0}/tokenizer.json is broken"),
        (lambda f: (f / "config.json").write_text("[]"), "{0}/config.json is not what it should"),
        (lambda f: (f / "config.json").write_text("{}"), "config.json names no alignment_heads"),
        (
            lambda f: (f / "preprocessor_config.json").write_text('{"feature_size": 128}'),
            "listens to 80 bands of sound, but preprocessor_config.json says 128",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_named_with_what_is_wrong(
    model: Path, tmp_path: Path, change: Callable[[Path], object], sentence: str
) -> None:
    folder = broken(model, tmp_path / "model", change)
    with pytest.raises(NotAModel) as raised:
        inspect_folder(folder)
    assert sentence.format(folder) in str(raised.value)


def test_what_only_the_library_can_tell_is_passed_on(
    model: Path, spoken: Path, tmp_path: Path
) -> None:
    def newer(folder: Path) -> None:
        path = folder / "model.bin"
        data = bytearray(path.read_bytes())
        data[data.index(b"WhisperSpec\0") + 12] = 99
        path.write_bytes(data)

    with pytest.raises(ProviderFailed, match=r"cannot be loaded: .*revision"):
        heard(spoken, 3.3, broken(model, tmp_path / "newer", newer))

    tokens = broken(
        model, tmp_path / "tokens", lambda f: (f / "tokenizer.json").write_text('{"model": 1}')
    )
    with pytest.raises(ProviderFailed, match="cannot be loaded: "):
        heard(spoken, 3.3, tokens)


def test_a_module_without_a_usable_model_says_what_is_wrong(
    database: Servers, clip: Path, tmp_path: Path, settings_of: Callable[[Path], None]
) -> None:
    settings_of(tmp_path / "nowhere")
    module = worked(a_module(clip))
    found = {row["id"]: (row["state"], row.get("note")) for row in module.stages}
    assert found["speech"] == (
        "failed",
        f"DAILIES_WHISPER_MODEL cannot be used. There is no folder {tmp_path / 'nowhere'}.",
    )
    assert len(module.steps) == 3


def test_the_doctor_tells_who_listens(
    model: Path,
    tmp_path: Path,
    settings_of: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told() -> tuple[str, str, str]:
        found = checkup._speech(get_settings())
        return found.state, found.detail, found.advice

    state, detail, _ = told()
    assert (state, "PocketSphinx" in detail) == ("ok", True)
    settings_of(model)
    state, detail, advice = told()
    assert state == "ok"
    assert detail.startswith("Whisper model tiny-by-hand (28 MB) by faster-whisper 1.")
    assert advice == ""
    settings_of(tmp_path)
    assert told()[:2] == (
        "missing",
        f"{tmp_path} has no model.bin: it is not the folder of a model for faster-whisper.",
    )
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    assert told()[0] == "missing"
    assert "the extra “whisper” is not installed" in told()[1]
    monkeypatch.delenv("DAILIES_WHISPER_MODEL")
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    get_settings.cache_clear()
    assert told()[0] == "idle"
    monkeypatch.setenv("DAILIES_ANALYSIS_PROVIDER", "openai")
    get_settings.cache_clear()
    assert told()[:2] == ("ok", "whisper-1 at https://api.openai.com/v1")
