"""Networks over sellers, each of whom is treated alike."""
