"""The figures, as PNG, PDF and CSV."""
