"""The table for people and the JSON for programs."""

import json
from pathlib import Path

from bench.report import Result, table, write

RESULTS = [
    Result("job / plain", 1.2345678, "ratio", 1.1),
    Result("answers, p95", 50.0, "ms", 50.0),
    Result("memory", 1234.0, "MB"),
]


def test_a_goal_is_met_up_to_its_value_and_without_one_there_is_no_verdict() -> None:
    assert [result.ok for result in RESULTS] == [False, True, None]


def test_json_is_a_list_with_the_five_members(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    write(RESULTS, path)
    assert json.loads(path.read_text()) == [
        {"name": "job / plain", "value": 1.2346, "unit": "ratio", "goal": 1.1, "ok": False},
        {"name": "answers, p95", "value": 50.0, "unit": "ms", "goal": 50.0, "ok": True},
        {"name": "memory", "value": 1234.0, "unit": "MB", "goal": None, "ok": None},
    ]


def test_the_table_says_a_missed_goal_in_words() -> None:
    lines = table(RESULTS).splitlines()
    assert [line.split()[-1] for line in lines[2:]] == ["MISSED", "ok", "MB"]
    assert "1.23" in lines[2]
    assert "≤ 1.10" in lines[2]
    assert "1,234" in lines[4]


def test_the_table_of_nothing_is_a_head() -> None:
    assert table([]).startswith("what")
