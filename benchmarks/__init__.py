"""Measures how well and how fast Hark works: `make bench`. The tests run none of it."""

import assistant  # noqa: F401 - first, as in every program, so that no library reports home
