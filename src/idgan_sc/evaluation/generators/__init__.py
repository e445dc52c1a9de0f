"""What is measured of a generator's images."""
