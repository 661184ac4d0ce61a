"""Studies of sealed-bid and position auctions."""
