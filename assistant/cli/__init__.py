"""The command `hark`."""
