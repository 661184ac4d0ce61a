"""The study of payments for those who hold a door open for others."""
