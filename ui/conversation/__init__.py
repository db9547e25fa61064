"""The conversation view: its model, its painter and its actions."""
