"""The window of Hark: its views and controllers, and the bridge to the engine process."""

import assistant  # noqa: F401 - first of all, so that no library starts to report or to write before it is told not to
