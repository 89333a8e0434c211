"""A Whisper model made by hand: it says the words it is given, at the times it is given.

It has the real layout and vocabulary, one layer of each half, and weights of ones and zeros: every
token leads to the one that follows it, and looks at the stretch of sound in which it is said. So
faster-whisper runs whole on it (voice activity, spectrum, language, beam search, alignment), and
what comes out is known. What is really said in the sound does not matter.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec
from ctranslate2.specs.model_spec import LayerSpec
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

#: Tokens of text before the special ones, as in OpenAI's multilingual models.
TEXT_TOKENS = 50257
#: As many as these models know; the hundredth came later.
LANGUAGES = _LANGUAGE_CODES[:99]
#: Seconds of sound that the encoder tells apart; frames of the encoder in as much, and in a window.
GRAIN, GRAIN_FRAMES, FRAMES = 0.2, 10, 1500
#: Width of the model: tokens of a script at most, and grains of sound from the start.
WIDTH = 64
MELS = 80


def make_model(
    folder: Path, script: Sequence[tuple[str, float]], language: str = "en", mels: int = MELS
) -> Path:
    """A folder that faster-whisper takes, with a model that says the ``script``.

    The script has each token once, as Whisper writes them (with the space before it, if any), and
    the second of the window in which it begins; the last one is "" and the second of the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokens = [token for token, _ in script[:-1]]
    vocabulary = _vocabulary(tokens)
    ids = {token: number for number, token in enumerate(vocabulary)}
    end = script[-1][1]
    chain = [
        ids["<|startoftranscript|>"],
        ids[f"<|{language}|>"],
        ids["<|transcribe|>"],
        ids["<|0.00|>"],
        *(ids[_spelled(token)] for token in tokens),
        ids[f"<|{end:.2f}|>"],
        ids["<|endoftext|>"],
    ]
    # Each looks at the sound of the token that follows it; before the text that does not matter.
    looks = [0.0, 0.0, 0.0, *(at for _, at in script), end, end]
    spec = _spec(len(vocabulary), chain, looks, mels)
    config = spec.config
    config.suppress_ids, config.suppress_ids_begin = [], []
    config.lang_ids = [ids[f"<|{code}|>"] for code in LANGUAGES]
    config.alignment_heads = [[0, 0]]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.save(str(folder))
    _save_tokenizer(folder, vocabulary)
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": mels}))
    return folder


def _spelled(token: str) -> str:
    """A text as byte-level tokens spell it."""
    return "".join(_LETTERS[byte] for byte in token.encode())


def _letters() -> dict[int, str]:
    """The letter that stands for each byte (GPT-2's): itself where it can be seen."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {b: chr(b) for b in seen} | {b: chr(256 + n) for n, b in enumerate(hidden)}


_LETTERS = _letters()


def _vocabulary(tokens: Sequence[str]) -> list[str]:
    text = list(dict.fromkeys([*_LETTERS.values(), *map(_spelled, tokens)]))
    text += [f"filler{number}" for number in range(TEXT_TOKENS - 1 - len(text))]
    # By this one CTranslate2 knows a model of many languages.
    text.append("")
    languages = [f"<|{code}|>" for code in LANGUAGES]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    return [
        *text,
        "<|endoftext|>",
        "<|startoftranscript|>",
        *languages,
        *(f"<|{task}|>" for task in tasks),
        *(f"<|{step * 0.02:.2f}|>" for step in range(1501)),
    ]


def _save_tokenizer(folder: Path, vocabulary: Sequence[str]) -> None:
    text = {token: number for number, token in enumerate(vocabulary[:TEXT_TOKENS])}
    tokenizer = Tokenizer(models.BPE(vocab=text, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in vocabulary[TEXT_TOKENS:]])
    tokenizer.save(str(folder / "tokenizer.json"))


def _spec(size: int, chain: Sequence[int], looks: Sequence[float], mels: int) -> WhisperSpec:
    if len(chain) > WIDTH or max(looks) >= WIDTH * GRAIN:
        raise ValueError("the script is longer than the model is wide")
    spec = WhisperSpec(1, 1, 1, 1)
    nothing = np.zeros((WIDTH, WIDTH), np.float32)
    unit = np.eye(WIDTH, dtype=np.float32)

    # A frame is known by the grain it lies in, whatever is heard in it.
    encoder = spec.encoder
    _fill(encoder.conv1, np.zeros((WIDTH, mels, 3), np.float32))
    _fill(encoder.conv2, np.zeros((WIDTH, WIDTH, 3), np.float32))
    grains = np.arange(FRAMES) // GRAIN_FRAMES
    places = np.zeros((FRAMES, WIDTH), np.float32)
    inside = grains < WIDTH
    places[np.flatnonzero(inside), grains[inside]] = 1
    encoder.position_encodings.encodings = places
    _norm(encoder)
    for layer in encoder.layer:
        _silent(layer, nothing)

    # A token of the chain is known by its place, and leads to the next one.
    decoder = spec.decoder
    known = np.zeros((size, WIDTH), np.float32)
    known[chain, range(len(chain))] = 1
    # <|notimestamps|> is before <|0.00|>, and in its place where words are aligned.
    known[chain[3] - 1, 3] = 1
    decoder.embeddings.weight = known
    decoder.position_encodings.encodings = np.zeros((448, WIDTH), np.float32)
    leads = np.zeros((size, WIDTH), np.float32)
    for place, (_, token) in enumerate(pairwise(chain)):
        leads[token, place] = 4
    _fill(decoder.projection, leads)
    # What is not of the chain ends it, else beams that strayed would wander to their longest.
    decoder.projection.bias[chain[-1]] = 20
    _norm(decoder)
    asked = np.zeros((WIDTH, WIDTH), np.float32)
    for place, second in enumerate(looks):
        asked[round(second / GRAIN), place] = 2
    for layer in decoder.layer:
        _silent(layer, nothing)
        _norm(layer.attention)
        query, sound, out = layer.attention.linear
        _fill(query, asked)
        _fill(sound, np.concatenate([unit, nothing]))
        _fill(out, nothing)
    return spec


def _silent(layer: LayerSpec, nothing: np.ndarray) -> None:
    """Attention to what went before, and the network after it, that add nothing."""
    _norm(layer.self_attention)
    joined, out = layer.self_attention.linear
    _fill(joined, np.concatenate([nothing] * 3))
    _fill(out, nothing)
    _norm(layer.ffn)
    _fill(layer.ffn.linear_0, nothing)
    _fill(layer.ffn.linear_1, nothing)


def _norm(layer: LayerSpec) -> None:
    layer.layer_norm.gamma = np.ones(WIDTH, np.float32)
    layer.layer_norm.beta = np.zeros(WIDTH, np.float32)


def _fill(layer: LayerSpec, weight: np.ndarray) -> None:
    layer.weight = weight
    layer.bias = np.zeros(weight.shape[0], np.float32)
