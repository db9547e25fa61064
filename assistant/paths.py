"""Where Hark keeps its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assistant.environment import hark_home


@dataclass(frozen=True)
class AppPaths:
    """The folders of Hark's files."""

    config: Path  # of the settings file
    data: Path  # of the history, the demonstration and downloaded voices
    logs: Path  # of the log file

    @property
    def temporary_folder(self) -> Path:
        """For the files that libraries make while they work; see `environment.use_temporary_folder`."""
        return self.data / "temporary"

    @classmethod
    def locate(cls) -> AppPaths:
        """All of them in the folder that `HARK_HOME` names, or else where the system keeps such files of a user."""
        if root := hark_home():
            return cls(root, root, root / "logs")
        import platformdirs

        user_folders = platformdirs.PlatformDirs("hark", appauthor=False)
        return cls(user_folders.user_config_path, user_folders.user_data_path, user_folders.user_log_path)
