"""One of several dataclasses, chosen by a flag."""

import pytest
from small_study import SMALL, Add, Multiply

from jaxmech.cli.flags import with_choices


@pytest.mark.parametrize("flags", [["--change.name", "multiply"], ["--change.name=multiply"]])
def test_a_flag_chooses_and_the_others_are_left(flags):
    study, left = with_choices(SMALL, ["--count", "3", *flags, "--change.factor", "4"])
    assert study.change == Multiply()
    assert left == ["--count", "3", "--change.factor", "4"]


def test_the_last_choice_counts_and_none_changes_nothing():
    study, left = with_choices(SMALL, ["--change.name", "multiply", "--change.name", "add"])
    assert (study.change, left) == (Add(), [])
    assert with_choices(SMALL, ["--seed=1"]) == (SMALL, ["--seed=1"])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--change.name", "ad"], "change.name: got 'ad'; did you mean 'add'"),
        (["--change.name"], "change.name: got nothing"),
    ],
)
def test_what_is_no_choice_is_refused(flags, words):
    with pytest.raises(ValueError, match=words):
        with_choices(SMALL, flags)
