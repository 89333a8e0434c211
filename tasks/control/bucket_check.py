"""Compares finished rows with the bucket, and corrects the rows."""

from collections.abc import Mapping

from tasks import keys, streams
from tasks.errors import StorageFailed
from tasks.infra.storage import ObjectInfo
from tasks.jobs import lifecycle
from tasks.jobs.outputs import missing_outputs, missing_subtitles
from tasks.jobs.uploads import master_id
from tasks.models import Media, Status, StreamState, Subtitle, TranscodeJob, UploadJob
from tasks.subtitles.changes import ask_again, mark_due, withdraw

_RETRY = "a retry makes what is missing."


def hold_against_bucket(
    media_id: str, job: TranscodeJob | None, there: Mapping[str, ObjectInfo], who: str
) -> list[str]:
    """The changes, each as a sentence.

    ``job`` is a finished one of the media, or None where its row was deleted; ``there`` is what lay
    under the media's stream prefix afterwards.
    """
    media = Media.objects(media_id=media_id).first()
    if media is None:
        return []
    # Before its job is looked up: an earlier version's stream is given to its job by that.
    live = streams.live_of(media)
    if job is not None:
        job = TranscodeJob.objects(job_id=job.job_id).first()
    changes = _hold_stream(job, there, who) if job is not None else []
    changes += _hold_subtitles(media, there, who)
    if live is not None or keys.master(media_id) in there:
        changes += _hold_master(media_id)
    return changes


def _hold_stream(job: TranscodeJob, there: Mapping[str, ObjectInfo], who: str) -> list[str]:
    stream = streams.built_by(job)
    if stream is None:
        # Its stream was removed.
        return []
    lacking = missing_outputs(job, stream, there)
    failed = []
    for upload in UploadJob.objects(transcode_id=job.job_id, status=Status.completed.value):
        if upload.rendition in lacking:
            sentence = _sentence(lacking, [upload.rendition])
            lifecycle.disprove(upload, who, StorageFailed(sentence))
            failed.append(upload.rendition)
    if job.status != Status.completed:
        return [f"{_sentence(lacking, [what])} Its upload counts as failed now." for what in failed]
    if not lacking:
        restored = streams.restore_own_master(stream, there)
        return ["The stream's own master playlist was written again."] if restored else []
    sentence = _sentence(lacking, [*lacking])
    for upload in UploadJob.objects(job_id=master_id(job.job_id)):
        lifecycle.disprove(upload, who, StorageFailed(sentence))
    lifecycle.disprove(job, who, StorageFailed(sentence))
    changes = [f"{sentence} The job counts as failed now: {_RETRY}"]
    if stream.state == StreamState.live:
        if streams.replace_broken(stream.media_id, stream.stream_id):
            changes.append("Another stream was published in its place.")
        else:
            streams.take_off(stream.media_id, stream.stream_id)
            changes.append("Its stream was taken off, and there is no other to play.")
    # What was once complete is never changed: a retry makes another stream.
    streams.discard(stream)
    return changes


def _hold_master(media_id: str) -> list[str]:
    written = streams.write_master(media_id)
    if written is None or not written.moved:
        return []
    return ["The master playlist was missing or differed: it was written again."]


def _sentence(lacking: Mapping[str, list[str]], names: list[str]) -> str:
    count = sum(len(lacking[name]) for name in names)
    files = "1 file" if count == 1 else f"{count:,} files"
    verb = "is" if count == 1 else "are"
    return f"{files} of {', '.join(names)} {verb} missing from the bucket."


def _hold_subtitles(media: Media, there: Mapping[str, ObjectInfo], who: str) -> list[str]:
    changes = []
    for subtitle, absent in missing_subtitles(media.media_id, there):
        name = f"the subtitle {subtitle.label or subtitle.filename}"
        sentence = _sentence({name: absent}, [name])
        if _disprove(subtitle, who, sentence):
            withdraw(subtitle, sentence)
            changes.append(f"{sentence} Its upload counts as failed now: {_RETRY}")
        else:
            ask_again(subtitle)
            changes.append(f"{sentence} What is missing is put again.")
        mark_due(media.media_id)
    return changes


def _disprove(subtitle: Subtitle, who: str, sentence: str) -> bool:
    """Whether there is an upload that can be retried."""
    uploads = UploadJob.objects(subtitle_id=subtitle.subtitle_id).order_by("-created_at")
    upload = uploads.first()
    if upload is None:
        return False
    if upload.status == Status.completed:
        lifecycle.disprove(upload, who, StorageFailed(sentence))
    return True
