"""The pictures of the next question, and the selection of a region."""
