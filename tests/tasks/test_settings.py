"""A wrong setting is named, and no secret with it."""

import pytest

from tasks.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MONGO_URL", "mongo://user:hush@db.example/films"),
        ("MONGO_URL", "postgres://user:hu/s@h@db.example"),
        ("REDIS_URL", "http://:hush@cache.example"),
        ("DAILIES_API_TOKEN", "hush"),
    ],
)
def test_a_wrong_value_is_shown_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}=") as caught:
        load_settings()
    said = str(caught.value)
    assert "hush" not in said
    assert "hu/s@h" not in said
    assert variable == "DAILIES_API_TOKEN" or ".example" in said
