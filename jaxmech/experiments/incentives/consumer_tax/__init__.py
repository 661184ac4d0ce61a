"""The study of taxes on consumers' income and on the goods that they buy."""
