"""The study of payments to the players of matrix games."""
