"""Titles that a video can belong to."""

import pytest
from flask.testing import FlaskClient

from tasks.models import Title
from tests.webapp.test_errors import assert_problem


def made(client: FlaskClient, **fields: object) -> dict[str, object]:
    answer = client.post("/api/titles", json=fields)
    assert answer.status_code == 201, answer.text
    title: dict[str, object] = answer.get_json()
    return title


def test_a_film_a_season_and_an_episode(editor: FlaskClient) -> None:
    film = made(editor, kind="film", name="  Tides ")
    season = made(editor, kind="season", series="Harbour", name="Winter", number=2)
    episode = made(editor, kind="episode", parentId=season["id"], name="Ice", number=5)
    assert (film["name"], film["label"]) == ("Tides", "Tides")
    assert season["label"] == "Harbour · Season 2 · Winter"
    assert episode == {
        "id": episode["id"],
        "kind": "episode",
        "name": "Ice",
        "series": "Harbour",
        "parentId": season["id"],
        "number": 5,
        "label": "Harbour · Episode 5 · Ice",
    }


def test_the_same_title_again_is_the_same_title(editor: FlaskClient) -> None:
    assert made(editor, kind="film", name="Tides") == made(editor, kind="film", name="Tides")
    assert len(Title.objects) == 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"kind": "film"}, "name"),
        ({"kind": "opera", "name": "x"}, "kind"),
        ({"kind": "film", "name": "  "}, "name"),
        ({"kind": "film", "name": "x" * 201}, "name"),
        ({"kind": "film", "name": "a\nb"}, "name"),
        ({"kind": "film", "name": "x", "number": 1}, "has not a number"),
        ({"kind": "season", "name": "x"}, "needs a number and a series"),
        ({"kind": "season", "name": "x", "series": "x", "number": 0}, "number"),
        ({"kind": "season", "name": "x", "series": "x", "number": "1"}, "number"),
        ({"kind": "episode", "name": "x", "number": 1}, "its season"),
        ({"kind": "episode", "name": "x", "number": 1, "parentId": "x"}, "no such season"),
        ({"kind": "film", "name": "x", "$where": "1"}, "where"),
    ],
)
def test_what_is_wrong_is_said(editor: FlaskClient, body: dict[str, object], sentence: str) -> None:
    answer = editor.post("/api/titles", json=body)
    assert sentence in assert_problem(answer, 422).lower()
    assert len(Title.objects) == 0


def test_an_episode_needs_a_season_not_a_film(editor: FlaskClient) -> None:
    film = made(editor, kind="film", name="Tides")
    answer = editor.post(
        "/api/titles", json={"kind": "episode", "name": "x", "number": 1, "parentId": film["id"]}
    )
    assert_problem(answer, 422)


def test_search_finds_every_word_in_name_or_series(editor: FlaskClient) -> None:
    made(editor, kind="film", name="Tides (1998)")
    made(editor, kind="film", name="High Water")
    made(editor, kind="season", series="Harbour", name="Winter tides", number=2)

    def found(query: str) -> list[str]:
        answer = editor.get("/api/titles", query_string={"q": query})
        return sorted(title["name"] for title in answer.get_json()["titles"])

    assert found("") == ["High Water", "Tides (1998)", "Winter tides"]
    assert found("TIDE") == ["Tides (1998)", "Winter tides"]
    assert found("tides harb") == ["Winter tides"]
    assert found("(1998)") == ["Tides (1998)"]
    assert found(".*") == []
    limited = editor.get("/api/titles?limit=1").get_json()["titles"]
    assert len(limited) == 1
