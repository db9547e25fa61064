"""What Hark can do and how fast, measured: `make bench`. Nothing here runs in the tests."""

import assistant  # noqa: F401 - first of all, as in every program: what is measured reports nothing either
