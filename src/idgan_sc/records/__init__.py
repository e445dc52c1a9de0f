"""What every result was made from, and which published one is valid."""
