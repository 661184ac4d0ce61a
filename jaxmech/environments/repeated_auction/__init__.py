"""An auction that is held again and again."""
