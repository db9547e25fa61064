"""Where the checkout is, and the shared cases beside it (absent in most checkouts)."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTER_MODEL = ROOT / "resources" / "starter" / "tiny"
SAMPLES = ROOT / "resources" / "samples"
SHARED_FILES = ROOT.parent / "shared" / "cases" / "files"
