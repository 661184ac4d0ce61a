"""Sellers on a platform, who price from their own records, and the buyers who are shown to them."""
