"""Flags made from the settings: a flag sets the variable for this process and its children."""

import os
from collections.abc import Callable
from typing import Any

import click

from tasks.settings import Settings, get_settings
from webapp.cli.settings_help import SettingHelp, setting_help

# What a command needs that only talks to the servers.
CONNECTION = (
    "data",
    "mongo_url",
    "redis_url",
    "s3_endpoint_url",
    "s3_bucket",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_region",
)
EVERYTHING = tuple(Settings.model_fields)


def _set_variable(setting: SettingHelp) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(_context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            os.environ[setting.variable] = str(value).lower() if setting.switch else value
            get_settings.cache_clear()

    return callback


def _option(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    setting = setting_help(name)
    flag = f"{setting.flag}/--no-{setting.flag[2:]}" if setting.switch else setting.flag
    default = f" Default: {setting.default}." if setting.default else ""
    shown = f"{setting.description} {setting.variable}: {setting.allowed}.{default}"
    if setting.switch:
        return click.option(
            flag, default=None, expose_value=False, callback=_set_variable(setting), help=shown
        )
    return click.option(
        flag,
        metavar="VALUE",
        default=None,
        expose_value=False,
        callback=_set_variable(setting),
        help=shown,
    )


def setting_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command one flag a setting; Settings checks the values, so call `get_settings`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            command = _option(name)(command)
        return command

    return decorate
