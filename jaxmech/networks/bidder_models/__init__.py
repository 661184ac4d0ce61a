"""Models that predict how bidders answer to reserve prices."""
