"""Hark's window: shows values and calls the engine. Knows nothing of models or sound devices."""

import assistant  # noqa: F401 - first of all, so that no library starts to report or to write before it is told not to
