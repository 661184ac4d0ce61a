"""The study of daily reserve prices."""
