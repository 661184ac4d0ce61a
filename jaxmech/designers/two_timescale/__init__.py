"""Designers of incentives who climb their objective while agents respond."""
