"""Training, its checkpoints, and the codes of what was trained."""
