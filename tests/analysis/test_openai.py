"""The provider openai against an endpoint that answers well, badly, late and not at all."""

import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tasks.analysis.outline import extract_steps
from tasks.analysis.providers import ProviderFailed, Watch, openai_http
from tasks.analysis.providers.openai import OpenAI
from tasks.analysis.providers.openai_text import language_tag, schema
from tasks.analysis.values import Material, Outline, Sentence, Usage
from tasks.errors import Stopped
from tasks.media.tools import Tools
from tasks.settings import Settings, get_settings
from tests.analysis.clips import a_module, worked
from tests.analysis.endpoint import SAID, Endpoint, Reply, chat, module, serving, transcription
from tests.servers import Servers

KEY = "sk-secret-of-the-tests"
CHAT, AUDIO = "chat/completions", "audio/transcriptions"
MATERIAL = Material(
    name="Hands",
    duration=15,
    sentences=(Sentence(text="Wash your hands.", start=0, end=1.4),),
    cuts=(6.5,),
    language="en",
)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_http, "FIRST_WAIT", 0.01)


def provider(endpoint: Endpoint, tools: Tools, **settings: Any) -> OpenAI:
    values = {"openai_base_url": endpoint.url, "openai_api_key": SecretStr(KEY), **settings}
    return OpenAI(Settings().model_copy(update=values), tools)


class Counted:
    """What a provider says that it used."""

    def __init__(self) -> None:
        self.usage = Usage()

    def paid(self, usage: Usage) -> None:
        self.usage += usage

    def watch(self) -> Watch:
        return Watch(threading.Event(), lambda _share: None, self.paid)


def written(endpoint: Endpoint, tools: Tools, **settings: Any) -> tuple[Outline, Usage]:
    drafts = extract_steps(MATERIAL)
    counted = Counted()
    outline = provider(endpoint, tools, **settings).write(MATERIAL, drafts, counted.watch())
    return outline, counted.usage


def test_a_module_is_written_and_counted(endpoint: Endpoint, tools: Tools) -> None:
    endpoint.answers(CHAT, chat(module()))
    prices = {"openai_price_input": 2.0, "openai_price_output": 8.0}
    outline, usage = written(endpoint, tools, **prices)
    assert outline.title == "Clean hands"
    assert [(step.title, step.start, step.end) for step in outline.steps] == [
        ("Wash", 0, 6.5),
        ("Dry", 6.5, 15),
    ]
    assert (usage.input_tokens, usage.output_tokens) == (1000, 500)
    assert usage.cost == pytest.approx(0.006)
    asked = endpoint.asked[0]
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert asked.json["response_format"]["json_schema"]["schema"] == schema()
    assert "Wash your hands." in asked.json["messages"][1]["content"]


def test_the_schema_is_one_that_strict_output_takes() -> None:
    def check(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("type") == "object":
                assert value["additionalProperties"] is False
                assert sorted(value["required"]) == sorted(value["properties"])
            assert not {"minLength", "maximum", "default"} & set(value)
            for each in value.values():
                check(each)
        elif isinstance(value, list):
            for each in value:
                check(each)

    check(schema())


@pytest.mark.parametrize(
    "bad",
    [
        '{"title": "Clean hands", "summ',
        "",
        None,
        "Here is your module!",
        module(steps=[]),
        module(title=""),
        module(extra=1),
        module(steps=[{"title": "x", "summary": "", "start": 9, "end": 3}]),
        module(steps=[{"title": "x", "summary": "", "start": 99, "end": 120}]),
    ],
)
def test_an_answer_that_does_not_fit_is_repaired_once(
    endpoint: Endpoint, tools: Tools, bad: Any
) -> None:
    endpoint.answers(CHAT, chat(bad), chat(module()))
    outline, usage = written(endpoint, tools)
    assert outline.title == "Clean hands"
    assert usage.input_tokens == 2000
    again = endpoint.asked[1].json["messages"]
    assert [message["role"] for message in again] == ["system", "user", "assistant", "user"]
    assert "does not fit" in again[-1]["content"]

    endpoint.answers(CHAT, chat(bad))
    counted = Counted()
    with pytest.raises(ProviderFailed, match=r"does not fit: \S"):
        provider(endpoint, tools).write(MATERIAL, extract_steps(MATERIAL), counted.watch())
    assert len(endpoint.asked) == 4
    assert counted.usage.input_tokens == 2000, "an answer that is of no use is paid for too"


def test_a_refusal_is_said_and_not_asked_again(endpoint: Endpoint, tools: Tools) -> None:
    endpoint.answers(CHAT, chat(None, refusal="I cannot help with that."))
    with pytest.raises(ProviderFailed, match=r"refused: I cannot help with that\."):
        written(endpoint, tools)
    assert len(endpoint.asked) == 1


def test_too_many_requests_are_waited_out_as_long_as_is_asked(
    endpoint: Endpoint, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(Watch, "wait", lambda _self, seconds: waited.append(seconds))
    busy = Reply({"error": {"message": "slow down"}}, 429, {"Retry-After": "7"})
    endpoint.answers(CHAT, busy, chat(module()))
    assert written(endpoint, tools)[0].title == "Clean hands"
    assert waited == [7.0]

    busy.headers = {"Retry-After": "3600"}
    endpoint.answers(CHAT, busy)
    with pytest.raises(ProviderFailed, match="asked too often: slow down"):
        written(endpoint, tools)
    assert waited == [7.0]


def test_faults_are_tried_again_and_then_said(endpoint: Endpoint, tools: Tools) -> None:
    endpoint.answers(CHAT, Reply(b"<h1>oops</h1>", 500), Reply({}, 503), chat(module()))
    assert written(endpoint, tools)[0].title == "Clean hands"
    endpoint.asked.clear()
    endpoint.answers(CHAT, Reply(b"<h1>oops</h1>", 500))
    with pytest.raises(ProviderFailed, match=r"answered 500\. Tried 3 times"):
        written(endpoint, tools)
    assert len(endpoint.asked) == 3


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (Reply({"error": {"message": f"bad key {KEY}"}}, 401), "key is refused: bad key …"),
        (Reply({"error": "no"}, 400), "answered 400"),
        (Reply(b"not json"), "is not JSON"),
        (Reply([1]), "not an object"),
        (Reply({"choices": []}), "has no message"),
        (Reply({"choices": [{"message": "x"}]}), "has no message"),
        (Reply({}, 302, {"Location": "http://127.0.0.1:1/"}), "answered 302"),
        (Reply(b"x" * 100, cut=50), "broke off|is not JSON"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_without_the_key(
    endpoint: Endpoint, tools: Tools, reply: Reply, sentence: str
) -> None:
    endpoint.answers(CHAT, reply)
    with pytest.raises(ProviderFailed, match=sentence) as failed:
        written(endpoint, tools)
    assert KEY not in failed.value.sentence


def test_an_endpoint_that_is_slow_or_away_is_given_up(endpoint: Endpoint, tools: Tools) -> None:
    endpoint.answers(CHAT, Reply(chat(module()).body, wait=1.0))
    with pytest.raises(ProviderFailed, match=r"did not answer within 0\.1 s"):
        written(endpoint, tools, openai_timeout_seconds=0.1)
    nowhere = {"openai_base_url": "http://127.0.0.1:1/v1"}
    with pytest.raises(ProviderFailed, match="cannot be reached"):
        written(endpoint, tools, **nowhere)


def test_cancelling_ends_a_wait(endpoint: Endpoint, tools: Tools) -> None:
    stop = threading.Event()
    busy = Reply({}, 429, {"Retry-After": "50"})
    endpoint.answers(CHAT, busy)
    threading.Timer(0.3, stop.set).start()
    asked = provider(endpoint, tools)
    with pytest.raises(Stopped):
        asked.write(MATERIAL, extract_steps(MATERIAL), Watch(stop, lambda _share: None))


def test_words_come_with_times_and_punctuation(
    endpoint: Endpoint, tools: Tools, tmp_path: Path
) -> None:
    sound = tmp_path / "sound.wav"
    with wave.open(str(sound), "wb") as audio:
        audio.setparams((1, 2, 16_000, 0, "NONE", ""))
        audio.writeframes(bytes(2 * 16_000 * 3))
    endpoint.answers(AUDIO, transcription())
    price = {"openai_price_minute": 0.6}
    counted = Counted()
    transcript = provider(endpoint, tools, **price).transcribe(sound, 3, counted.watch())
    assert " ".join(word.text for word in transcript.words) == SAID
    assert (transcript.words[1].start, transcript.words[1].end) == (0.5, 0.9)
    assert (transcript.language, transcript.engine) == ("en", "whisper-1")
    assert counted.usage.cost == pytest.approx(0.03)
    sent = endpoint.asked[0]
    assert b"ftyp" in sent.body
    assert sent.body.count(b'name="timestamp_granularities[]"') == 2

    for bad in ({"segments": [{"text": "x", "start": 0, "end": 1}]}, {"words": "none"}):
        endpoint.answers(AUDIO, Reply(bad))
        with pytest.raises(ProviderFailed, match="transcription"):
            provider(endpoint, tools).transcribe(sound, 3, Counted().watch())


def test_names_of_languages() -> None:
    names = ["english", "de", "Portuguese", "", "no language at all"]
    assert [language_tag(name) for name in names] == ["en", "de", "pt", "", ""]


@pytest.fixture
def paid(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of an installation that uses the endpoint."""
    monkeypatch.setenv("DAILIES_ANALYSIS_PROVIDER", "openai")
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("DAILIES_OPENAI_PRICE_INPUT", "2")
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


def test_a_whole_module_by_the_endpoint(
    database: Servers, paid: None, endpoint: Endpoint, clip: Path
) -> None:
    endpoint.answers(AUDIO, transcription())
    endpoint.answers(CHAT, chat(module()))
    row = worked(a_module(clip))
    assert (row.title, row.provider, row.language) == ("Clean hands", "openai", "en")
    assert [step["title"] for step in row.steps] == ["Wash", "Dry"]
    assert row.usage["cost"] == pytest.approx(0.002)
    assert row.usage["audio_seconds"] == pytest.approx(15, abs=0.2)
    assert not row.rough


def test_an_endpoint_that_fails_fails_no_module(
    database: Servers, paid: None, endpoint: Endpoint, clip: Path
) -> None:
    endpoint.answers(AUDIO, Reply({"error": {"message": "out of order"}}, 400))
    endpoint.answers(CHAT, chat(None, refusal="No."))
    row = worked(a_module(clip))
    told = {stage["id"]: (stage["state"], stage.get("note")) for stage in row.stages}
    assert told["speech"] == ("failed", "The endpoint answered 400: out of order")
    assert told["texts"] == ("failed", "The model refused: No.")
    assert told["captions"] == ("skipped", "There are no words.")
    assert [step["title"] for step in row.steps] == ["Step 1", "Step 2", "Step 3"]
