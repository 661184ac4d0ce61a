"""The study of taxes on what people earn."""
