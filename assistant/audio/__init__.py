"""Sound in and out. Knows nothing of words, models or windows."""
