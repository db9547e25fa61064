"""Text made ready for the ear. Knows nothing of voices."""
