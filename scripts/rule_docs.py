"""Writes the table of the reconciler's rules in docs/jobs.md from the code: `make docs`."""

from enum import StrEnum
from pathlib import Path

from tasks.recovery.verdict import RULES, Fix, Rule, Subject

PAGE = Path(__file__).resolve().parents[1] / "docs" / "jobs.md"
BEGIN, END = "<!-- rules: made by scripts/rule_docs.py -->", "<!-- end of rules -->"


def table() -> str:
    """The rules in Markdown, those that find something first."""
    lines = [BEGIN, ""]
    for subject in Subject:
        rules = [rule for rule in RULES if rule.subject is subject]
        lines += [f"**{subject.value.capitalize()}**", ""]
        lines += ["| rule | when | what it says | fix |", "|---|---|---|---|"]
        lines += [_row(rule) for rule in sorted(rules, key=lambda rule: not rule.drift)]
        lines.append("")
    return "\n".join([*lines, END])


def _row(rule: Rule) -> str:
    return f"| `{rule.id}` | {_when(rule)} | {rule.sentence} | {_fix(rule)} |"


def _when(rule: Rule) -> str:
    columns = []
    for column, allowed in rule.when.items():
        kind: type[StrEnum] = type(next(iter(allowed)))
        every = list(kind)
        most = len(allowed) > len(every) / 2
        named = [value.value for value in every if (value in allowed) != most]
        columns.append(
            f"{column}: {'neither ' if len(named) > 1 and most else 'not ' if most else ''}"
            f"{(' nor ' if most else ' or ').join(named)}"
        )
    return "; ".join(columns) or "always"


def _fix(rule: Rule) -> str:
    if not rule.drift:
        return "none needed"
    if rule.fix is Fix.nothing:
        return "left alone for now"
    return rule.fix.value if rule.by_itself else f"{rule.fix.value} Only when somebody asks."


def render(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + table() + after


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
