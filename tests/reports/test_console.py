"""What the commands say."""

from jaxmech.reports.console import working


def test_off_a_terminal_what_takes_a_moment_is_a_line_before_it(capsys):
    with working("evaluating"):
        assert capsys.readouterr().out == "evaluating ...\n"
