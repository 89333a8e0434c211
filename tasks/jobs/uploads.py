"""The upload jobs of a transcode job: which there are, and which files each one puts."""

from tasks import keys, streams
from tasks.jobs.outputs import rendition_prefix
from tasks.jobs.upload_text import NOTHING_LOST
from tasks.listing.search_terms import words
from tasks.media.tracks import is_sound
from tasks.models import Media, Subtitle, Title, TranscodeJob, UploadJob
from tasks.queue import broker
from tasks.settings import get_settings


def _upload(job: TranscodeJob, suffix: str, **fields: object) -> UploadJob:
    title = Title.objects(title_id=job.resource_id).first() if job.resource_id else None
    season_id = title.parent_id if title is not None and title.kind == "episode" else None
    return UploadJob(
        job_id=f"{job.job_id}.upload.{suffix}",
        transcode_id=job.job_id,
        media_id=job.media_id,
        resource_type=job.resource_type,
        resource_id=job.resource_id,
        resource_name=job.resource_name or job.name,
        film_id=job.resource_id if job.resource_type == "film" else None,
        episode_id=job.resource_id if job.resource_type == "episode" else None,
        season_id=job.resource_id if job.resource_type == "season" else season_id,
        bucket_name=get_settings().s3_bucket,
        client_id=job.client_id,
        terms=job.terms,
        **fields,
    )


def make_rendition_uploads(job: TranscodeJob) -> list[UploadJob]:
    """One upload job for each rendition, the sound included."""
    media = Media.objects(media_id=job.media_id).first()
    stream = streams.of_job(job)
    return [
        _upload(
            job,
            rendition["name"],
            job_type=broker.UPLOAD_HLS,
            queue_name=broker.UPLOAD_HLS,
            upload_type="hls",
            content_type="audio" if is_sound(rendition["name"]) else "video",
            # Of a resolution; sound has none.
            label=rendition.get("label") if not is_sound(rendition["name"]) else None,
            rendition=rendition["name"],
            filename=f"{rendition['name']}/playlist.m3u8",
            hls_dir=keys.work(job.job_id),
            upload_path=rendition_prefix(stream, rendition["name"]),
            bytes_total=rendition.get("size") or 0,
            initial_metadata=media.source if media is not None else {},
        )
        for rendition in job.renditions
    ]


def make_subtitle_upload(job: TranscodeJob, subtitle: Subtitle) -> UploadJob:
    """The upload of one subtitle: its segments, their playlist, and the whole as one file."""
    known = {
        "subtitleId": subtitle.subtitle_id,
        "filename": subtitle.filename,
        "origin": subtitle.origin,
        "size": subtitle.size,
        "language": subtitle.given_language,
        "label": subtitle.given_label,
    }
    upload = _upload(
        job,
        f"subtitle.{subtitle.subtitle_id}",
        job_type=broker.UPLOAD_SUBTITLE,
        queue_name=broker.UPLOAD_SUBTITLE,
        upload_type="subtitle",
        content_type="subtitle",
        filename=subtitle.filename,
        subtitle_id=subtitle.subtitle_id,
        language=subtitle.given_language,
        subtitle_path=subtitle.source_key,
        subtitle_metadata={name: value for name, value in known.items() if value is not None},
        # Its folder is named by its language, which may have to be found out first.
        upload_path=None,
        bytes_total=subtitle.size,
    )
    # Found by its own file too: of other uploads, every job has files of the same names.
    upload.terms = words(*job.terms, subtitle.filename)
    return upload


def master_id(job_id: str) -> str:
    """The id of the upload that makes the job's stream visible; other masters are refreshes."""
    return f"{job_id}.upload.master"


def make_master_upload(job: TranscodeJob, job_id: str | None = None) -> UploadJob:
    """The upload of the master playlist, which makes the stream visible.

    ``job_id``: of an upload that brings a published master up to date.
    """
    return _upload(
        job,
        (job_id or master_id(job.job_id)).removeprefix(f"{job.job_id}.upload."),
        job_type=broker.UPLOAD_MASTER,
        queue_name=broker.UPLOAD_MASTER,
        upload_type="master_playlist",
        content_type="playlist",
        filename="master.m3u8",
        files_total=1,
        master_playlist_path=keys.work(job.job_id, "merged", "master.m3u8"),
        upload_path=keys.master(job.media_id),
        waits_for=None if job_id else NOTHING_LOST,
    )
