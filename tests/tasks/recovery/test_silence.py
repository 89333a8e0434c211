"""A lease that was seen out must stay so for a while before its work is taken away."""

from tasks.recovery.silence import Silence


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_lease_is_watched_for_as_long_as_asked() -> None:
    clock = Clock()
    silence = Silence(2.0, clock)
    said = []
    assert not silence.watching
    for _ in range(4):
        silence.begin_pass()
        said.append(silence.lasts("a lease"))
        assert silence.watching is not said[-1]
        clock.now += 1.0
    assert said == [False, False, True, True]


def test_a_lease_that_was_renewed_in_between_is_watched_anew() -> None:
    clock = Clock()
    silence = Silence(2.0, clock)
    silence.begin_pass()
    assert not silence.lasts("a lease")
    clock.now += 5.0
    silence.begin_pass()  # it is not out in this pass
    clock.now += 5.0
    silence.begin_pass()
    assert not silence.lasts("a lease")
    assert not silence.lasts("another lease")
