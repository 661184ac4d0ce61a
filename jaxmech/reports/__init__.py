"""From findings to what people see: terminal, figures and page."""
