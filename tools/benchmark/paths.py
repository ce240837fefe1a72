"""Folders of the benchmark. It remakes everything under ``BUILD``, which may be deleted."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
VENVS = BUILD / "venvs"
MEDIA = BUILD / "media"
SCRATCH = BUILD / "scratch"
DOCS = ROOT / "docs" / "benchmarks"


def shared_media() -> Path:
    """Returns the folder of shared test media. If it is absent, only the generated clips are
    measured.
    """
    return Path(os.environ.get("CYCODEC_TEST_MEDIA", ROOT.parent / "shared" / "media")).absolute()
