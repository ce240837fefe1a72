"""Where the benchmark keeps its things. Everything under ``BUILD`` can be deleted and is made again."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
VENVS = BUILD / "venvs"
MEDIA = BUILD / "media"
SCRATCH = BUILD / "scratch"
DOCS = ROOT / "docs" / "benchmarks"


def shared_media() -> Path:
    """Folder of the shared test media. It may be absent; then only the generated clips are measured."""
    return Path(os.environ.get("CYCODEC_TEST_MEDIA", ROOT.parent / "shared" / "media")).absolute()
