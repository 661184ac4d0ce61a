"""Files of bids, and commands that take them."""

import csv

import pytest

from jaxmech import cli


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return ended.value.code or 0


def bid_file(path, bids):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("keyword", "bidder", "bid"))
        for keyword, row in enumerate(bids):
            table.writerows((keyword, bidder, bid) for bidder, bid in enumerate(row))
    return path
