"""Planning of reserve prices on a model of the bidders."""
