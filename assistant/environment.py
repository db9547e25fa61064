"""Environment variables that keep libraries from reporting home, and their files with Hark's own.

Libraries read them when they are imported, so `assistant/__init__.py` sets them before any other import; every program
and child process of Hark imports that package first. docs/security.md lists what is promised;
tests/desktop/test_privacy.py checks that it holds."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

# Set also where the user's environment says otherwise. onnxruntime 1.29 and later ask the DNS for their maker's events
# host and keep a device id, unless this is there before the first import; `disable_telemetry_events()` comes too late.
_NO_TELEMETRY_VARIABLES = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # transformers would ask the hub for a converted copy of a pickle
}
# The terminal is Hark's: no progress bars, warnings or advice. These the user may change.
_QUIET_VARIABLES = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OPENCV_LOG_LEVEL": "OFF",
}
# Folders of libraries that would otherwise lie in the user's home, beside their packages or in the temporary folder.
# A user who keeps one of them elsewhere goes on doing so. (HF_HOME is not here: its models are shared on purpose.)
_CACHE_FOLDERS = {
    "CUDA_CACHE_PATH": "cuda",
    "LIBROSA_DATA_DIR": "librosa",
    "MPLCONFIGDIR": "matplotlib",
    "NUMBA_CACHE_DIR": "numba",
    "OPENCV_OPENCL_CACHE_DIR": "opencv",
    "TORCHINDUCTOR_CACHE_DIR": "torch-inductor",
    "TORCH_EXTENSIONS_DIR": "torch-extensions",
    "TORCH_HOME": "torch",
    "TRITON_CACHE_DIR": "triton",
    "TTS_HOME": "tts",
}
_STALE_FILE_AGE_S = 24 * 3600


def prepare_environment() -> None:
    """Sets all of these variables for this process and its children. The folders that they name are not created."""
    os.environ.update(_NO_TELEMETRY_VARIABLES)
    for name, value in _QUIET_VARIABLES.items():
        os.environ.setdefault(name, value)
    if unset := [name for name in _CACHE_FOLDERS if not os.environ.get(name)]:
        caches = _cache_folder()
        for name in unset:
            os.environ[name] = str(caches / _CACHE_FOLDERS[name])


def use_temporary_folder(folder: Path) -> None:
    """Has this process and its children make their temporary files in `folder` from here on.

    Such a file may hold words of an answer: Coqui hands them to eSpeak in one. Files that a killed process left behind
    are removed after a day. Where the folder cannot be created, read or written, the system's own stays in use."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths = list(folder.iterdir())
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    for path in paths:
        with contextlib.suppress(OSError):  # another process may remove it too
            if path.is_file() and path.stat().st_mtime < time.time() - _STALE_FILE_AGE_S:
                path.unlink()
    for name in ("TMPDIR", "TEMP", "TMP"):
        os.environ[name] = str(folder)


def hark_home() -> Path | None:
    """The folder that the variable HARK_HOME names, as an absolute path; None where it is not set."""
    home = os.environ.get("HARK_HOME")
    return Path(os.path.expanduser(home)).absolute() if home else None


def _cache_folder() -> Path:
    if home := hark_home():
        return home / "cache"
    import platformdirs

    return platformdirs.user_cache_path("hark", appauthor=False)
