"""The study of taxes on what firms emit that compete by quantities."""
