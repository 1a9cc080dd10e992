"""A turn of twenty tool calls, and an end of the server at every boundary of its journal: nothing is lost, nothing that may
not be done twice is done twice. `bench/crash.py` does the same with large numbers."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from crash import TOOL_CALLS, Receiver, Trial, World  # noqa: E402


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as made:
        yield made


def test_an_end_at_every_boundary(tmp_path, receiver):
    world = World(tmp_path, receiver)
    world.set_up()
    # The first commit of a process is its lease; then each of the turn's. Past the last one nothing crashes. Between two
    # commits there are two moments: right after the one, when nothing has followed from it, and right before the other.
    commit, crashed = 1, True
    while crashed:
        crash = f"{'before' if commit % 2 else 'after'} {commit}"
        trial = Trial(world, f"s-{commit}")
        crashed = trial.run_to_crash(crash)
        trial.attach()
        assert trial.problems() == [], crash
        commit += 1
    assert commit > TOOL_CALLS * 2
    world.kill()
    assert world.check() == []


def test_kills_at_random(tmp_path, receiver):
    world = World(tmp_path, receiver)
    world.set_up()
    chance = random.Random(7)
    for number in range(8):
        trial = Trial(world, f"random-{number}")
        trial.run_to_kill(chance.randrange(TOOL_CALLS), chance.random() * 0.01)
        trial.attach()
        assert trial.problems() == [], f"kill {number}"
