"""Models and voices on this machine: their catalogue, download, checks and loading."""
