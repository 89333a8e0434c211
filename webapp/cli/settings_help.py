"""Every setting in words, read off the Settings class: for flags of the console script and docs."""

from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from tasks.settings import Settings, variable


@dataclass(frozen=True)
class SettingHelp:
    """One setting for people; `default` is empty where there is none."""

    field: str
    variable: str
    other_names: tuple[str, ...]
    flag: str
    allowed: str
    default: str
    description: str
    switch: bool


def _plain(annotation: Any) -> Any:
    """``annotation`` without its None."""
    if isinstance(annotation, UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _number(word: str, field: FieldInfo) -> str:
    low = high = ""
    for bound in field.metadata:
        if isinstance(bound, Ge):
            low = f"from {bound.ge}"
        elif isinstance(bound, Gt):
            low = f"above {bound.gt}"
        elif isinstance(bound, Le):
            high = f"up to {bound.le}"
    return " ".join(part for part in (word, low, high) if part)


def _allowed(field: FieldInfo) -> str:
    kind = _plain(field.annotation)
    if get_origin(kind) is Literal:
        return ", ".join(str(choice) for choice in get_args(kind))
    if kind is int:
        return _number("whole number", field)
    if kind is float:
        return _number("number", field)
    words = {bool: "true or false", Path: "path", SecretStr: "text, secret"}
    return words.get(kind, "text")


def setting_help(name: str) -> SettingHelp:
    """The words for the setting whose field is ``name``. Raises KeyError."""
    field = Settings.model_fields[name]
    alias = field.validation_alias
    names = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else []
    default = field.default
    if isinstance(default, bool):
        default = str(default).lower()
    return SettingHelp(
        field=name,
        variable=variable(name),
        other_names=tuple(names[1:]),
        flag="--" + name.replace("_", "-"),
        allowed=_allowed(field),
        default="" if default is None else str(default),
        description=field.description or "",
        switch=_plain(field.annotation) is bool,
    )


def all_settings() -> list[SettingHelp]:
    """Every setting, in the order of the class."""
    return [setting_help(name) for name in Settings.model_fields]
