"""How much less often lower slots are clicked where nothing else is said."""

CLICK_DECAY = 1.428
"""Each slot is clicked this many times less often than the one above (Lahaie and Pennock 2007)."""
