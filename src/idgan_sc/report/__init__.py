"""What readers get: the page to play with, and the documents whose every number is filled in from artifacts."""
