"""Notes of what happened to subtitles, and what of them goes away."""

import uuid

from tasks import keys
from tasks.infra.storage import get_storage
from tasks.models import Media, Subtitle
from tasks.models.clock import now


def mark_due(media_id: str) -> str:
    """Notes that somebody must look at a media's subtitles, should nobody come to it now.

    Returns the note's word.
    """
    word = uuid.uuid4().hex
    Media.objects(media_id=media_id).update_one(set__subtitles_due=word)
    return word


def mark_seen(media_id: str, word: str) -> None:
    """Takes the note ``word`` back; one that was made since stays."""
    Media.objects(media_id=media_id, subtitles_due=word).update_one(unset__subtitles_due=True)


def medias_due() -> list[str]:
    """Ids of media whose subtitles changed and whom nobody has seen to: for the reconciler."""
    rows = Media.objects(subtitles_due__exists=True, subtitles_due__ne=None)
    return [str(media_id) for media_id in rows.limit(1000).scalar("media_id")]


def publish(subtitle: Subtitle, **known: object) -> bool:
    """Lets masters list a subtitle whose files are all there; False where it was deleted.

    ``known``: language, label, folder, cues.
    """
    fields = {f"set__{name}": value for name, value in known.items()}
    done = Subtitle.objects(subtitle_id=subtitle.subtitle_id, removed_at=None).update_one(
        set__published_at=now(), unset__problem=True, **fields
    )
    if done:
        mark_due(subtitle.media_id)
    return bool(done)


def withdraw(subtitle: Subtitle, problem: str) -> None:
    """Keeps a subtitle out of masters, and says why."""
    Subtitle.objects(subtitle_id=subtitle.subtitle_id).update_one(
        set__problem=problem, unset__published_at=True
    )


def ask_again(subtitle: Subtitle) -> None:
    """Lets whoever sees to the media make another upload of a subtitle whose files are gone."""
    Subtitle.objects(subtitle_id=subtitle.subtitle_id).update_one(
        unset__published_at=True, unset__upload_for=True, unset__problem=True
    )


def drop(subtitle: Subtitle) -> None:
    """Removes a subtitle's files and row; no master may list it. Raises StorageFailed."""
    storage = get_storage()
    if subtitle.folder:
        storage.delete_prefix(keys.video(subtitle.media_id, subtitle.folder, ""))
    storage.delete_prefix(keys.subtitle_source(subtitle.media_id, subtitle.subtitle_id))
    subtitle.delete()
