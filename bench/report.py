"""What was measured, as a table for people and as JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

LATEST = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True)
class Result:
    """One number. ``goal`` is the most that it should be, in the same unit, where there is one."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    ok: bool | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ok", None if self.goal is None else self.value <= self.goal)


def table(results: Sequence[Result]) -> str:
    """The results as text, aligned, each missed goal said in words."""
    rows = [("what", "value", "unit", "goal", "")]
    for result in results:
        goal = "" if result.goal is None else f"≤ {shown(result.goal)}"
        verdict = {None: "", True: "ok", False: "MISSED"}[result.ok]
        rows.append((result.name, shown(result.value), result.unit, goal, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for name, value, unit, goal, verdict in rows:
        cells = (
            name.ljust(widths[0]),
            value.rjust(widths[1]),
            unit.ljust(widths[2]),
            goal.rjust(widths[3]),
            verdict,
        )
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join(lines)


def shown(value: float) -> str:
    """Three figures that matter, without an exponent."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def write(results: Sequence[Result], path: Path = LATEST) -> None:
    """Writes a list of ``{name, value, unit, goal, ok}``; goal and ok are null without a goal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [{**asdict(result), "value": round(result.value, 4)} for result in results]
    path.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n")
