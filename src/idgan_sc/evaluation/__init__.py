"""What is measured of a finished run: its codes here, its images in `generators`."""
