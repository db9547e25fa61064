"""The controllers: each carries out what the user does in one view, and shows there what the engine reports."""
