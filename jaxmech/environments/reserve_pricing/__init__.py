"""Daily reserve prices in sponsored search."""
