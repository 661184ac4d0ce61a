"""Which statistics of the history a designer can see. Nothing here imports JAX."""

from typing import Literal

Statistic = Literal["agents_items", "allocation", "prices", "last_visit"]
"""What each is stands in ``SequentialPrice``."""
