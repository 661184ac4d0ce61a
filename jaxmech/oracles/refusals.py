"""How an oracle refuses."""

from __future__ import annotations


class NotKnownError(ValueError):
    """Theory or cost gives no value here; the message is the reason."""
