"""What git keeps: the published files, documents, the page and model cards."""
