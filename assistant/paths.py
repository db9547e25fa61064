"""Where Hark keeps its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assistant.environment import hark_home


@dataclass(frozen=True)
class AppPaths:
    """Where Hark keeps its files; `HARK_HOME` puts all of them in one place."""

    config: Path
    data: Path
    logs: Path

    @property
    def temporary_folder(self) -> Path:
        """For files that libraries make while they work; see `environment.keep_temporary_files`."""
        return self.data / "temporary"

    @classmethod
    def locate(cls) -> AppPaths:
        if root := hark_home():
            return cls(root, root, root / "logs")
        import platformdirs

        here = platformdirs.PlatformDirs("hark", appauthor=False)
        return cls(here.user_config_path, here.user_data_path, here.user_log_path)
