"""Analyse: a video becomes a training module. What one attempt has found out, the next one uses."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks import keys
from tasks.actors.heartbeat import Heartbeat
from tasks.actors.scratch import scratch_folder
from tasks.actors.stage_run import Skip, StageRun
from tasks.actors.tooling import probe_limits, run_limits, straight, tools
from tasks.analysis import captions, providers, stages
from tasks.analysis.commands import cuts_command, read_cuts, sound_command
from tasks.analysis.outline import extract_steps, name_of, write_texts
from tasks.analysis.providers import NoSpeech, Provider, ProviderFailed, Watch
from tasks.analysis.sentences import sentences
from tasks.analysis.values import Material, Outline, StepDraft, Transcript, Usage
from tasks.errors import BadInput, EncoderFailed
from tasks.infra.source_cache import source_file
from tasks.infra.storage import get_storage
from tasks.jobs.attach import attach
from tasks.media.commands import poster_command
from tasks.media.probe import probe
from tasks.media.process import run
from tasks.media.source import SourceInfo
from tasks.models import Media, Subtitle, TrainingModule

#: Pixels of a step's picture from left to right, and seconds into the step at which it is taken.
PICTURE_WIDTH = 480
PICTURE_AFTER = 0.5


def analyse(module: TrainingModule, beat: Heartbeat) -> Mapping[str, Any]:
    """The fields of the completed module.

    Raises BadInput, EncoderFailed, StorageFailed, OutOfDisk, Stopped.
    """
    media = Media.objects(media_id=module.media_id).first()
    if media is None:
        raise BadInput("The video of this module was deleted.")
    work = StageRun(module, beat)
    work.reach(stages.STARTED)
    with source_file(media, beat.stop) as source, scratch_folder(module) as folder:
        return _Analysis(work, media, source, folder).run()


class _Analysis:
    """The stages, and what they share."""

    def __init__(self, work: StageRun, media: Media, source: Path, folder: Path) -> None:
        self.work = work
        self.module = work.module
        self.media = media
        self.source = source
        self.folder = folder
        self.provider: Provider = providers.provider()

    def run(self) -> Mapping[str, Any]:
        work = self.work
        info = work.required(stages.PROBE, self._probe)
        nothing = Transcript(engine="")
        transcript = work.optional(stages.SPEECH, lambda watch: self._speech(info, watch), nothing)
        no_cuts: tuple[float, ...] = ()
        cuts = work.optional(stages.SCENES, lambda watch: self._scenes(info, watch), no_cuts)
        work.reach(stages.ANALYSED)
        material = Material(
            name=name_of(self.module.name),
            duration=info.duration,
            sentences=sentences(transcript.words),
            cuts=cuts,
            language=transcript.language,
        )
        drafts = work.required(stages.STEPS, lambda _watch: extract_steps(material))
        work.reach(stages.EXTRACTED)
        # Should the provider not answer, there are titles all the same.
        plain = write_texts(material, drafts)
        outline = work.optional(
            stages.TEXTS, lambda watch: self._texts(material, drafts, watch), plain
        )
        no_pictures: dict[int, str] = {}
        pictures = work.optional(
            stages.PICTURES, lambda watch: self._pictures(info, outline, watch), no_pictures
        )
        work.optional(stages.CAPTIONS, lambda _watch: self._captions(transcript), None)
        work.reach(stages.ENHANCED)
        fields = work.required(
            stages.FINISH, lambda _watch: self._content(transcript, outline, pictures)
        )
        return {**fields, **work.finished()}

    def _probe(self, watch: Watch) -> SourceInfo:
        info = probe(self.source, tools(), probe_limits(), stop=watch.stop)
        self.source = straight(self.source, info, watch.stop)
        self.work.write(
            provider=self.provider.name,
            duration=info.duration,
            has_picture=info.video is not None,
        )
        return info

    def _speech(self, info: SourceInfo, watch: Watch) -> tuple[Transcript, str]:
        if self.module.transcript_key:
            data = get_storage().get_bytes(self.module.transcript_key)
            return _said(Transcript.model_validate_json(data))
        if not info.audio:
            raise Skip("The video has no sound.")
        sound = self.folder / "sound.wav"
        run(
            sound_command(self.source, info, sound, tools()),
            limits=run_limits(self.folder, info.duration),
            stop=watch.stop,
            on_progress=lambda p: watch.report(0.1 * min(1.0, p.out_time_s / info.duration)),
        )
        later = Watch(watch.stop, lambda share: watch.report(0.1 + 0.9 * share), self._paid)
        try:
            transcript = self.provider.transcribe(sound, info.duration, later)
        except NoSpeech as nothing:
            raise Skip(str(nothing)) from None
        finally:
            sound.unlink(missing_ok=True)
        key = self._key("transcript.json")
        text = transcript.model_dump_json()
        get_storage().put_bytes(key, text.encode(), keys.content_type(key))
        self.work.write(
            transcript_key=key,
            language=transcript.language,
            speech=transcript.engine,
            rough=transcript.rough,
            words=len(transcript.words),
        )
        return _said(transcript)

    def _scenes(self, info: SourceInfo, watch: Watch) -> tuple[tuple[float, ...], str]:
        if self.module.cuts_known:
            return _scenes_of(self.module.cuts)
        if info.video is None:
            raise Skip("There is no picture.")
        listed = self.folder / "cuts.txt"
        run(
            cuts_command(self.source, info, listed, tools()),
            limits=run_limits(self.folder, info.duration),
            stop=watch.stop,
            on_progress=lambda p: watch.report(min(1.0, p.out_time_s / info.duration)),
        )
        text = listed.read_text(errors="replace") if listed.exists() else ""
        cuts = read_cuts(text, info.duration)
        self.work.write(cuts=list(cuts), cuts_known=True)
        return _scenes_of(cuts)

    def _texts(
        self, material: Material, drafts: tuple[StepDraft, ...], watch: Watch
    ) -> tuple[Outline, str]:
        counting = Watch(watch.stop, watch.report, self._paid)
        outline = self.provider.write(material, drafts, counting)
        if not outline.steps:
            raise ProviderFailed("The provider named no step.")
        return outline, ""

    def _pictures(
        self, info: SourceInfo, outline: Outline, watch: Watch
    ) -> tuple[dict[int, str], str]:
        if info.video is None:
            raise Skip("There is no picture.")
        made: dict[int, str] = {}
        for number, step in enumerate(outline.steps):
            path = self.folder / f"step-{number:03}.jpg"
            at = min(step.start + PICTURE_AFTER, (step.start + step.end) / 2)
            command = poster_command(
                self.source, info, path, tools(), at_seconds=at, width=PICTURE_WIDTH
            )
            try:
                run(command, limits=run_limits(self.folder, 60.0), stop=watch.stop)
                key = self._key(path.name)
                get_storage().put_file(key, path, keys.content_type(key))
                made[number] = key
            except EncoderFailed as error:
                if number + 1 == len(outline.steps) and not made:
                    raise EncoderFailed("No picture could be taken.", log=error.log) from error
            watch.report((number + 1) / len(outline.steps))
        lost = len(outline.steps) - len(made)
        return made, f"{lost} could not be taken." if lost else ""

    def _captions(self, transcript: Transcript) -> tuple[None, str]:
        if not transcript.words:
            raise Skip("There are no words.")
        filename = f"captions-{self.module.job_id[:8]}.vtt"
        # An attempt that was killed may have attached them already.
        there = Subtitle.objects(media_id=self.media.media_id, filename=filename).first()
        subtitle = there or attach(
            self.media,
            filename,
            captions.webvtt(transcript.words).encode(),
            who=self.module.created_by or "dailies",
            language=transcript.language or None,
            label="Captions (rough)" if transcript.rough else "Captions",
        )
        self.work.write(subtitle_id=subtitle.subtitle_id)
        return None, ""

    def _content(
        self, transcript: Transcript, outline: Outline, pictures: Mapping[int, str]
    ) -> dict[str, Any]:
        return {
            "title": outline.title,
            "summary": outline.summary,
            "steps": [
                {
                    "id": uuid.uuid4().hex[:12],
                    **step.model_dump(),
                    "picture_key": pictures.get(number),
                }
                for number, step in enumerate(outline.steps)
            ],
            "version": 1,
        }

    def _key(self, name: str) -> str:
        # Two attempts never share a key.
        token = self.module.lease.token[:12]
        return keys.module(self.media.media_id, self.module.job_id, token, name)

    def _paid(self, usage: Usage) -> None:
        """Counts what was paid for, also by attempts before this one."""
        before = Usage.model_validate(self.module.usage) if self.module.usage else Usage()
        self.work.write(usage=(before + usage).model_dump())


def _said(transcript: Transcript) -> tuple[Transcript, str]:
    words = len(transcript.words)
    if not words:
        return transcript, f"{transcript.engine} heard no words."
    rough = ", a rough guess at what is said" if transcript.rough else ""
    return transcript, f"{words:,} word{'s' * (words != 1)} by {transcript.engine}{rough}."


def _scenes_of(cuts: tuple[float, ...] | list[float]) -> tuple[tuple[float, ...], str]:
    scenes = len(cuts) + 1
    return tuple(cuts), f"{scenes:,} scene{'s' * (scenes != 1)}."
