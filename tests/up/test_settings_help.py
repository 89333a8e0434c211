"""Flags and documentation are made from the settings, and none is left out."""

import json

import click
import pytest
from honcho.environ import parse_procfile

from scripts import configuration_docs
from tasks.settings import Settings, variable
from tests.up.running import ROOT, dailies
from webapp.cli import cli
from webapp.cli.settings_help import all_settings


def test_the_page_about_configuration_is_up_to_date() -> None:
    written = configuration_docs.PAGE.read_text(encoding="utf-8")
    assert written == configuration_docs.render(), "run `make docs`"


@pytest.mark.parametrize("name", ["up", "web", "worker", "reconciler"])
def test_every_setting_is_a_flag(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command
    flags = {flag for parameter in command.params for flag in parameter.opts}
    assert {setting.flag for setting in all_settings()} <= flags


def test_help_names_every_command() -> None:
    shown = dailies("--help").stdout
    for name in (
        "up",
        "web",
        "worker",
        "reconciler",
        "reconcile",
        "claim-bucket",
        "user",
        "token",
        "demo",
        "doctor",
    ):
        assert f"\n  {name} " in shown


def test_the_procfile_names_commands_that_exist() -> None:
    processes = parse_procfile((ROOT / "Procfile").read_text()).processes
    assert set(processes) == {"web", "worker", "reconciler"}
    for command in processes.values():
        words = command.split()
        assert words[:3] == ["python", "-m", "webapp"]
        assert words[3] in cli.list_commands(click.Context(cli))


def test_the_paas_manifest_names_settings_and_processes_that_exist() -> None:
    manifest = json.loads((ROOT / "app.json").read_text())
    known = {variable(name) for name in Settings.model_fields}
    assert set(manifest["env"]) <= known
    assert set(manifest["formation"]) == set(
        parse_procfile((ROOT / "Procfile").read_text()).processes
    )
