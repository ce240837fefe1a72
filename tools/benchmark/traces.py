"""What the driver's parser calls: text recorded on a GPU, which the tests' double must reproduce.

tools/gpu_check records it as traces.txt. Copied to tests/fake_cuda/traces.txt it is golden: tests/test_cuda_traces.py then
holds the double to it, line by line. What the double cannot reproduce is where our reading of the driver was wrong.
"""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterable
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent.parent.parent / "tests" / "fake_cuda" / "traces.txt"
HEAD = "== "  # before the name of a clip
FIRST_FRAMES = 20


def record(paths: Iterable[Path], about: str) -> str:
    """Formats, callbacks and pitches of each clip that the GPU decodes: first frames, then the last and the first one.

    Parameters
    ----------
    paths : iterable of Path
    about : str
        What it was recorded on.
    """
    from cycodec.core import nvdec
    from cycodec.cuda import backends
    from cycodec.decoders import VideoDecoder

    parts = [f"# {about}\n"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace"
        for path in sorted(paths, key=lambda path: path.name):
            decoder = VideoDecoder(path, device="cuda")
            if decoder.cpu_fallback:
                continue
            backends.empty_nvdec_cache()  # a decoder with more surfaces would change which of them are used
            nvdec.trace(file)
            try:
                decoder[: min(len(decoder), FIRST_FRAMES)]
                decoder[[len(decoder) - 1, 0]]
            finally:
                nvdec.trace(None)
            parts.append(f"{HEAD}{path.name}\n{file.read_text()}")
            decoder.close()
    return "".join(parts)


def clips(text: str) -> dict[str, list[str]]:
    """The lines of each clip of a recording."""
    lines: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith(HEAD):
            name = line.removeprefix(HEAD)
            lines[name] = []
        elif line and not line.startswith("#"):
            lines[name].append(line)
    return lines


def compare(golden: str, ours: str) -> list[str]:
    """Where a recording differs from the golden one: a text for each clip, with the lines.

    Clips that are only in ours do not matter.
    """
    known, found = clips(golden), clips(ours)
    differences = []
    for name, lines in known.items():
        if name not in found:
            differences.append(f"{name}: was not decoded by the GPU")
        elif found[name] != lines:
            changes = list(difflib.unified_diff(lines, found[name], "golden", "ours", lineterm="", n=1))
            differences.append(f"{name}:\n" + "\n".join(changes[:30]))
    return differences
