"""The bidders on a keyword of sponsored search, from day to day."""
