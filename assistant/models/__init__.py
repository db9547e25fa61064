"""What lasts: conversations, models, voices. Knows nothing of how they are shown or run."""
