"""Takes away what lies below many prefixes of the bucket, in few requests, and counts it for each.

A deletion names up to a thousand keys, whosesoever they are. Whether there is anything below a
folder shows in a listing of names, where that costs less than a question for each.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tasks import keys
from tasks.errors import StorageFailed
from tasks.infra.storage import DELETE_BATCH, HalfUpload, get_storage
from tasks.removal.removed import Removed

#: Threads for what waits for the bucket.
THREADS = 6
#: Folders that are asked for one by one all the same.
FEW = 8
#: Names of a page, and as many as may be read for each folder that is asked for.
PAGE, NAMES_EACH = 1_000, 100

#: Of each prefix, or of whose prefixes they are, what was removed, or why that failed.
Emptied = dict[str, Removed | StorageFailed]


def empty(prefixes: Mapping[str, Sequence[str]]) -> Emptied:
    """Removes all objects and gives up all half uploads below the prefixes of each owner.

    A prefix is a folder or one key, and none lies below another. What belongs to several owners
    counts for the first.
    """
    emptied = _empty(sorted({prefix for of_owner in prefixes.values() for prefix in of_owner}))
    answers: Emptied = {}
    counted: set[str] = set()
    for owner, of_owner in prefixes.items():
        total = Removed()
        failed = None
        for prefix in of_owner:
            removed = emptied[prefix]
            if isinstance(removed, StorageFailed):
                failed = failed or removed
            elif prefix not in counted:
                counted.add(prefix)
                total.add(removed)
        answers[owner] = failed or total
    return answers


def _empty(wanted: list[str]) -> Emptied:
    emptied: Emptied = {prefix: Removed() for prefix in wanted}
    try:
        there = _there(wanted)
    except StorageFailed as error:
        return dict.fromkeys(wanted, error)
    rest: dict[str, list[str]] = {}
    with ThreadPoolExecutor(THREADS) as threads:
        for prefix, (removed, keys) in zip(there, threads.map(_list, there), strict=True):
            emptied[prefix] = removed
            if keys:
                rest[prefix] = keys
        for failed in threads.map(_delete, _batches(rest)):
            emptied |= failed
    _abort_uploads(emptied)
    return emptied


def _there(wanted: list[str]) -> list[str]:
    """Those below which something may lie."""
    if len(wanted) <= FEW:
        return wanted
    folders: dict[str, set[str]] = defaultdict(set)
    for prefix in wanted:
        root, name = _folder(prefix)
        folders[root].add(name)
    there = {(root, name) for root, names in folders.items() for name in _names(root, names)}
    return [prefix for prefix in wanted if _folder(prefix) in there]


def _folder(prefix: str) -> tuple[str, str]:
    root, _, rest = prefix.removeprefix(keys.prefix()).partition("/")
    return f"{keys.prefix()}{root}/", rest.partition("/")[0]


def _names(root: str, names: Collection[str]) -> set[str]:
    """Those of the names that are folders below the root, or may be."""
    found: set[str] = set()
    # As keys are ordered, in which a slash follows.
    left = sorted(names, key=lambda name: f"{name}/", reverse=True)
    asked = len(left)
    for read, name in enumerate(get_storage().folders(root, first=left[-1])):
        while left and f"{left[-1]}/" < f"{name}/":
            left.pop()
        if not left:
            break
        if left[-1] == name:
            found.add(left.pop())
        if read >= max(PAGE, NAMES_EACH * (asked - len(left))):
            return found | set(left)
    return found


def _list(prefix: str) -> tuple[Removed | StorageFailed, list[str]]:
    """Counts what is there, and removes it but for the last keys, too few for a deletion."""
    removed = Removed()
    keys: list[str] = []
    try:
        for page in get_storage().pages(prefix):
            removed.files += len(page)
            removed.size += sum(info.size for info in page)
            keys += [info.key for info in page]
            while len(keys) >= DELETE_BATCH:
                get_storage().delete(keys[:DELETE_BATCH])
                del keys[:DELETE_BATCH]
    except StorageFailed as error:
        return error, []
    return removed, keys


def _batches(keys: dict[str, list[str]]) -> list[dict[str, list[str]]]:
    batches: list[dict[str, list[str]]] = [{}]
    size = 0
    for prefix, some in keys.items():
        if size + len(some) > DELETE_BATCH:
            batches.append({})
            size = 0
        batches[-1][prefix] = some
        size += len(some)
    return batches


def _delete(batch: dict[str, list[str]]) -> dict[str, StorageFailed]:
    """Deletes the keys of several prefixes together; the errors of those where that failed."""
    try:
        get_storage().delete([key for keys in batch.values() for key in keys])
    except StorageFailed as error:
        if len(batch) == 1:
            return dict.fromkeys(batch, error)
        # One that may not be removed is no reason for the others.
        alone = [_delete({prefix: keys}) for prefix, keys in batch.items()]
        return {prefix: error for failed in alone for prefix, error in failed.items()}
    return {}


def _abort_uploads(emptied: Emptied) -> None:
    """Those of a root are listed together: there are few."""
    roots: dict[str, list[str]] = defaultdict(list)
    for prefix, removed in emptied.items():
        if isinstance(removed, Removed):
            roots[_folder(prefix)[0]].append(prefix)
    for root, prefixes in roots.items():
        try:
            below = prefixes[0] if len(prefixes) == 1 else root
            uploads = list(get_storage().half_uploads(below))
        except StorageFailed as error:
            emptied |= dict.fromkeys(prefixes, error)
            continue
        for upload in uploads:
            for prefix in filter(upload.key.startswith, prefixes):
                _abort(upload, prefix, emptied)


def _abort(upload: HalfUpload, prefix: str, emptied: Emptied) -> None:
    try:
        get_storage().abort_upload(upload)
    except StorageFailed as error:
        emptied[prefix] = error
        return
    removed = emptied[prefix]
    if isinstance(removed, Removed):
        removed.uploads += 1
