"""The documentation has the rules that the code has."""

from scripts.rule_docs import PAGE, render, table
from tasks.recovery.verdict import RULES


def test_the_page_has_the_table_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert render(page) == page, "run `make docs`"


def test_the_table_names_every_rule_with_its_sentence() -> None:
    rows = [line for line in table().splitlines() if line.startswith("| `")]
    assert len(rows) == len(RULES)
    for rule in RULES:
        assert any(f"| `{rule.id}` |" in row and rule.sentence in row for row in rows), rule.id
