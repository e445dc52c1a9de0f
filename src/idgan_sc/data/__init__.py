"""Data sets on disk, one file each: drawn by a program, or downloaded and checked."""
