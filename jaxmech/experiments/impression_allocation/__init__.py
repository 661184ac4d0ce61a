"""The study of impression allocation: who learns, in which markets."""
