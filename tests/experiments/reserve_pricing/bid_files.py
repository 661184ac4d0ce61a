"""Files of bids."""

import csv


def bid_file(path, bids):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("keyword", "bidder", "bid"))
        for keyword, row in enumerate(bids):
            table.writerows((keyword, bidder, bid) for bidder, bid in enumerate(row))
    return path
