"""Writes docs/configuration.md from the settings class: `make docs`."""

from pathlib import Path

from webapp.cli.settings_help import SettingHelp, all_settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"

_INTRODUCTION = """# Configuration

Every setting is an environment variable, and a flag of the same meaning of `dailies up`, `web`,
`worker` and `reconciler`. A flag goes before a variable. An empty variable counts as not set. What
is set is used; servers that are not set are started by `dailies up`, with their data under
`DAILIES_DATA`. Processes on different machines need the same `MONGO_URL`, `REDIS_URL`, storage and
`SECRET_KEY`.

A wrong value ends the command with one line that names the variable, the value and what is allowed.
Prefer variables to flags for what is secret: others on the machine can read command lines.

This page is made from the settings class: change it there, then run `make docs`.

| variable | flag | allowed | default | what it does |
|---|---|---|---|---|
"""


def _row(setting: SettingHelp) -> str:
    names = " or ".join(f"`{name}`" for name in (setting.variable, *setting.other_names))
    default = f"`{setting.default}`" if setting.default else "none"
    return f"| {names} | `{setting.flag}` | {setting.allowed} | {default} | {setting.description} |"


def render() -> str:
    """The whole page."""
    return _INTRODUCTION + "".join(f"{_row(setting)}\n" for setting in all_settings())


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
