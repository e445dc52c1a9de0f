"""What every result was made from, and which published one counts."""
