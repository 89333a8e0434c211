"""Asking for a module of a video, and what people may do to one."""

import uuid

from tasks import keys
from tasks.analysis import stages
from tasks.analysis.outline import name_of
from tasks.infra.storage import get_storage
from tasks.jobs import lifecycle
from tasks.jobs.allowed import Action, ActionState, refusal
from tasks.listing.search_terms import words
from tasks.models import Media, Status, Title, TrainingModule
from tasks.queue import broker
from tasks.records import audit


def new_id() -> str:
    """An id for a module that is going to be made."""
    return str(uuid.uuid4())


def make_module(media: Media, *, who: str, module_id: str | None = None) -> TrainingModule:
    """The module of this id, made and sent to a worker where there is none.

    Returns when its row is written. Where Redis is away the reconciler sends its message.
    """
    module_id = module_id or new_id()
    existing: TrainingModule | None = TrainingModule.objects(job_id=module_id).first()
    if existing is not None:
        return existing
    title = Title.objects(title_id=media.title_id).first() if media.title_id else None
    module = TrainingModule(
        job_id=module_id,
        media_id=media.media_id,
        name=title.name if title is not None else name_of(media.filename),
        filename=media.filename,
        created_by=who,
        client_id=str(uuid.uuid4()),
        queue_name=broker.ANALYSE,
        stages=stages.untouched(),
        terms=words(media.filename, title.name if title else None),
    )
    lifecycle.create([module], who=who, why=f"Asked for by {who}.", send=True)
    return module


def act(action: Action, module_id: str, who: str) -> str:
    """Retries, cancels or deletes a module; a sentence of what was done, as the audit log has it.

    Raises NotFound, Conflict (both of tasks.jobs.lifecycle), StorageFailed.
    """
    kind = TrainingModule.unit_kind
    try:
        module = lifecycle.find(TrainingModule, module_id)
        reason = refusal(action, ActionState(Status(module.status), module.can_cancel is not False))
        if reason is not None:
            raise lifecycle.Conflict(reason.replace("job", "module"))
        sentence = _DO[action](module, who)
    except (lifecycle.Conflict, lifecycle.NotFound) as error:
        audit.record(
            who, action.value, kind=kind, target=module_id, refused=True, detail=f"{error}"
        )
        raise
    audit.record(who, action.value, kind=kind, target=module_id, detail=sentence)
    return sentence


def _retry(module: TrainingModule, who: str) -> str:
    lifecycle.retry(TrainingModule, module.job_id, who)
    lifecycle.enqueue(TrainingModule, module.job_id)
    return "Waits to be done again."


def _cancel(module: TrainingModule, who: str) -> str:
    lifecycle.cancel(TrainingModule, module.job_id, who)
    return "Cancelled."


def _delete(module: TrainingModule, who: str) -> str:
    if not lifecycle.remove(TrainingModule, [module.to_mongo()]):
        ids = [module.job_id]
        raise lifecycle.why_not(TrainingModule, Action.delete, ids)[module.job_id]
    # The video, and captions that players show, stay.
    get_storage().delete_prefix(keys.module(module.media_id, module.job_id))
    return "Deleted; the video stays."


_DO = {Action.retry: _retry, Action.cancel: _cancel, Action.delete: _delete}
