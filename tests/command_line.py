"""The command, called in this process."""

import pytest

from jaxmech.cli import commands as cli


def command(*arguments: str) -> int:
    """Its exit status."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return ended.value.code or 0
