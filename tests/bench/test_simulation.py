"""Films are shared out among workers so that none is idle and no beginning waits."""

import pytest

from bench.simulation import MOST_IDLE, MOST_WAIT, Simulation
from tasks.settings import Settings


@pytest.mark.parametrize(("workers", "films"), [(1, 2), (10, 3), (200, 1)])
def test_nobody_is_idle_and_no_beginning_waits(workers: int, films: int) -> None:
    outcome = Simulation(workers, films, Settings()).run()
    assert outcome.idle <= MOST_IDLE
    assert outcome.wait <= MOST_WAIT


def test_the_beginning_of_a_film_is_not_behind_the_end_of_another() -> None:
    alone = Simulation(1, 1, Settings()).run()
    second = Simulation(1, 2, Settings()).run()
    assert second.begun < 15 < alone.seconds
