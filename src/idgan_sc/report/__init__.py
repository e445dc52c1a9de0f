"""Tables, figures and verdicts, from the files of a preset's results."""
