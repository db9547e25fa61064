"""What Hark can do and how fast, measured: `make bench`. Nothing here runs in the tests."""
