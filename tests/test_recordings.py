"""Our event streams beside those of the real service; see `recordings/`.

The recordings of the tree are made up, in the form of the real ones, so that every rule is tried everywhere. Real ones
are read from the folders that OUTCROP_TEST_RECORDINGS names (separated as in PATH).
"""

import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from conftest import REPOSITORY
from recordings.compare import compare, not_comparable
from recordings.read import read
from recordings.replay import replay

LISTED = REPOSITORY / "coverage/traces.txt"
OWN = sorted((Path(__file__).parent / "recordings/made_up").glob("*.json"))
FOLDERS = [Path(folder) for folder in os.environ.get("OUTCROP_TEST_RECORDINGS", "").split(os.pathsep) if folder]
OTHERS = sorted(file for folder in FOLDERS for file in folder.glob("*.json"))
met = set()


def listed():
    """The differences that stay, each with its reason."""
    lines = [line for line in LISTED.read_text().splitlines() if line and not line.startswith("#")]
    made = {}
    for line in lines:
        difference, separator, reason = line.partition(" | ")
        assert separator and reason.strip(), f"coverage/traces.txt: no reason: {line}"
        made[" ".join(difference.split())] = reason
    return made


@pytest.mark.parametrize("file", OWN + OTHERS, ids=lambda file: file.stem)
def test_the_stream_is_as_recorded(outcrop, file):
    exchanges = read(file)
    if not exchanges:
        pytest.skip("no invocation of an agent")
    unlisted = {}
    for exchange, (events, headers, notes) in zip(exchanges, replay(outcrop, exchanges)):
        differences = compare(exchange, events, headers)
        assert not_comparable(exchange.events) or not notes, notes
        for difference, example in differences.items():
            rules = [rule for rule in listed() if fnmatchcase(difference, rule)]
            if file in OWN:
                met.update(rules)
            if not rules:
                unlisted[difference] = example
    assert not unlisted, "\n".join(f"{difference}\n    {example}" for difference, example in unlisted.items())


def test_every_listed_difference_still_occurs(request):
    """A line that no made-up recording meets any more goes. Wants the whole file to run."""
    ran = {item.name for item in request.session.items}
    if not all(any(file.stem in name for name in ran) for file in OWN):
        pytest.skip("only a part of the recordings was run")
    assert set(listed()) <= met, sorted(set(listed()) - met)


def test_real_recordings_are_compared():
    """Says loudly when nothing real was compared."""
    if not OTHERS:
        pytest.skip("OUTCROP_TEST_RECORDINGS names no folder with recordings: only made-up ones were compared")
