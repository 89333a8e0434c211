"""Steps with titles and summaries, out of what is known of a video; nothing is asked elsewhere."""

import re
from collections import Counter
from collections.abc import Sequence

from tasks.analysis.boundaries import boundaries
from tasks.analysis.phrases import content_words, key_phrases, words_elsewhere
from tasks.analysis.values import Material, Outline, Sentence, StepDraft

#: Characters of a title and of a summary at most.
TITLE_LENGTH, SUMMARY_LENGTH = 200, 1000
#: Sentences that a summary of a step is made of, and that of the whole.
STEP_SENTENCES, WHOLE_SENTENCES = 2, 3
#: A summary that is made here is no longer than this.
SHORT = 320


def extract_steps(material: Material) -> tuple[StepDraft, ...]:
    """The steps with their times; they are called by their numbers."""
    begins = boundaries(material.duration, material.sentences, material.cuts, material.language)
    ends = [*begins[1:], material.duration]
    return tuple(
        StepDraft(title=f"Step {number}", summary="", start=begin, end=end)
        for number, (begin, end) in enumerate(zip(begins, ends, strict=True), 1)
    )


def write_texts(material: Material, steps: Sequence[StepDraft]) -> Outline:
    """The same steps with titles of key phrases, and summaries of telling sentences."""
    spoken = [_within(material.sentences, step) for step in steps]
    texts = [" ".join(sentence.text for sentence in said) for said in spoken]
    titles = _titles(steps, texts, material.language)
    return Outline(
        title=material.name,
        summary=_summary(material.sentences, material.language, WHOLE_SENTENCES),
        steps=tuple(
            step.model_copy(
                update={
                    "title": title,
                    "summary": _summary(said, material.language, STEP_SENTENCES),
                }
            )
            for step, title, said in zip(steps, titles, spoken, strict=True)
        ),
    )


def name_of(filename: str) -> str:
    """A title out of a file's name."""
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", filename)
    words = re.sub(r"[_\s]+|(?<=\w)-(?=\w)", " ", stem).strip()
    return (words[:1].upper() + words[1:])[:TITLE_LENGTH] or "Untitled"


def _within(sentences: Sequence[Sentence], step: StepDraft) -> list[Sentence]:
    return [s for s in sentences if step.start <= (s.start + s.end) / 2 < step.end]


def _titles(steps: Sequence[StepDraft], texts: Sequence[str], language: str) -> list[str]:
    taken: set[str] = set()
    titles = []
    for step, text, common in zip(steps, texts, words_elsewhere(texts, language), strict=True):
        phrases = key_phrases(text, language, common=common)
        best = next((phrase for phrase in phrases if phrase not in taken), "")
        taken.add(best)
        titles.append((best[:1].upper() + best[1:])[:TITLE_LENGTH] or step.title)
    return titles


def _summary(sentences: Sequence[Sentence], language: str, most: int) -> str:
    """The sentences that have most of the frequent words, in their order."""
    bags = [content_words(sentence.text, language) for sentence in sentences]
    frequent = Counter(word for bag in bags for word in bag)

    def telling(place: int) -> float:
        bag = bags[place]
        # A long sentence has more words without saying more.
        return sum(frequent[word] for word in set(bag)) / (4 + len(bag))

    chosen: list[int] = []
    length = 0
    for place in sorted(range(len(bags)), key=lambda place: (-telling(place), place)):
        size = len(sentences[place].text) + 2
        if len(chosen) < most and bags[place] and (not chosen or length + size <= SHORT):
            chosen.append(place)
            length += size
    texts = [sentences[place].text.strip() for place in sorted(chosen)]
    return " ".join(t if t.endswith((".", "!", "?", "…")) else f"{t}." for t in texts)[
        :SUMMARY_LENGTH
    ]
