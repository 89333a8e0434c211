"""The key that signs sessions: given, or made once and kept."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.settings import load_settings
from webapp.auth.secret_key import secret_key


def test_the_given_key_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAILIES_DATA", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "a key of twenty or more characters")
    assert secret_key(load_settings()) == "a key of twenty or more characters"
    assert list(tmp_path.iterdir()) == []


def test_one_is_made_once_for_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILIES_DATA", str(tmp_path / "new"))
    monkeypatch.delenv("SECRET_KEY", raising=False)
    settings = load_settings()
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: secret_key(settings), range(16)))
    assert len(keys) == 1
    assert len(keys.pop()) > 40
    (kept,) = (tmp_path / "new").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
