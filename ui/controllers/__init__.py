"""What the user does and what the engine reports, brought together."""
