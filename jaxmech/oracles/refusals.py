"""How an oracle refuses."""

from __future__ import annotations


class NotKnown(ValueError):
    """Theory or cost gives no value here; the message is the reason."""
