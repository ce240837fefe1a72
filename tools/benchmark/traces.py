"""Records the calls of the driver's parser as text, which the tests' double must reproduce.

tools/gpu_check writes traces.txt on a GPU. tests/support/fake_cuda/traces.txt is the golden
recording of an H100, and tests/cuda/test_cuda_traces.py compares the double with it. The comparison
covers what cycodec relies on: formats, the packet of each picture, the order of display,
timestamps, pitches. It ignores the numbers of surfaces and the number of packets that the parser
reads before it displays a picture, which depends on the size of its buffer.
"""

from __future__ import annotations

import difflib
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent.parent.parent / "tests" / "support" / "fake_cuda" / "traces.txt"
HEAD = "== "  # stands before the name of a clip
FIRST_FRAMES = 20
# The clips of the golden recording. For other clips the double shows fewer pictures, or another
# order.
GOLDEN_CLIPS = (
    "annexb_cut_start.h264",
    "h264_bpyramid.mp4",
    "h264_bt601.mp4",
    "h264_fmp4_fullrange_320x240.mp4",
    "h264_no_bframes.mp4",
    "h264_open_gop.mp4",
    "h264_resolution_change.h264",
    "hevc_444_10bit_odd_321x241.mp4",
    "hevc_bframes_480p.mp4",
    "hevc_hlg10_1080p.mp4",
    "mpeg1_mp2_ps.mpg",
    "mpeg2_odd_121x81.mp4",
    "mpeg4_720p.avi",
    "ts_cut_start_open_gop.ts",
    "vfr_jitter.mp4",
    "vp8_hidden.webm",
    "vp9_hidden_160x144.webm",
    "vp9_odd_321x241.mp4",
)
# cudaVideoCodec_VP8 and VP9: each hidden picture delays their timestamps, which cycodec does not
# use
TIMELESS = ("codec=9 ", "codec=10 ")


def record(paths: Iterable[Path], about: str) -> str:
    """Records formats, callbacks and pitches of each clip that the GPU decodes: first frames, last
    frame, first frame.

    Parameters
    ----------
    paths : iterable of Path
    about : str
        Name of the device.
    """
    from cycodec.core.gpu import nvdec
    from cycodec.cuda import decoder_cache
    from cycodec.decoders import VideoDecoder

    parts = [f"# {about}\n"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace"
        for path in sorted(paths, key=lambda path: path.name):
            decoder = VideoDecoder(path, device="cuda")
            if decoder.cpu_fallback:
                continue
            decoder_cache.empty_nvdec_cache()  # a decoder with more surfaces would change which of them are used
            nvdec.trace(file)
            try:
                decoder[: min(len(decoder), FIRST_FRAMES)]
                decoder[[len(decoder) - 1, 0]]
            finally:
                nvdec.trace(None)
            if decoder.cpu_fallback:  # the GPU refused it
                continue
            parts.append(f"{HEAD}{path.name}\n{file.read_text()}")
            decoder.close()
    return "".join(parts)


def clips(text: str) -> dict[str, list[str]]:
    """Returns the lines of each clip of a recording."""
    lines: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith(HEAD):
            name = line.removeprefix(HEAD)
            lines[name] = []
        elif line and not line.startswith("#"):
            lines[name].append(line)
    return lines


def stretches(lines: Iterable[str]) -> list[dict[str, list[str]]]:
    """Returns the events between sequence headers: formats, pictures in decoding order and in
    display order.

    A surface's name is the ordinal of the last picture that was decoded into it.
    """
    found: list[dict[str, list[str]]] = []
    packet = ""
    serials: dict[str, int] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "packet":
            packet = rest
        elif kind == "sequence":
            found.append(
                {
                    "format": [re.sub(r" surfaces=\d+", "", rest)],
                    "decoded": [],
                    "displayed": [],
                    "pitches": [],
                }
            )
            serials = {}
        elif found:
            index, _, what = rest.partition(" ")
            now = found[-1]
            if kind == "decode":
                serials[index] = len(now["decoded"])
                now["decoded"].append(f"{packet} {what}")
            elif index not in serials:
                continue  # of the stretch before
            elif kind == "display":
                if now["format"][0].startswith(TIMELESS):
                    what = re.sub(r"timestamp=\S+ ", "", what)
                now["displayed"].append(f"picture {serials[index]} {what}")
            elif kind == "map" and not now["pitches"]:
                now["pitches"].append(what.partition(" ")[0])
    return found


def compare(golden: str, ours: str) -> list[str]:
    """Returns the differences between a recording and the golden one: a text with the lines for
    each clip.

    Clips that only the new recording has do not matter.
    """
    known, found = clips(golden), clips(ours)
    differences = []
    for name, lines in known.items():
        if name not in found:
            differences.append(f"{name}: was not decoded by the GPU")
            continue
        theirs, mine = stretches(lines), stretches(found[name])
        changes = [] if len(theirs) == len(mine) else [f"{len(theirs)} sequences, and {len(mine)} now"]
        for one, other in zip(theirs, mine, strict=False):
            for kind, expected in one.items():
                count = min(len(expected), len(other[kind]))
                pair = expected[:count], other[kind][:count]
                changes += difflib.unified_diff(*pair, f"golden, {kind}", f"ours, {kind}", lineterm="", n=1)
        if changes:
            differences.append("\n".join([f"{name}:", *changes[:30]]))
    return differences


def main() -> None:
    """Makes the golden recording from tools/gpu_check's: python -m benchmark.traces traces.txt"""
    recorded = Path(sys.argv[1]).read_text()
    known = clips(recorded)
    about = recorded.splitlines()[0]
    parts = [f"{HEAD}{name}\n" + "\n".join(known[name]) for name in GOLDEN_CLIPS]
    GOLDEN.write_text("\n".join([about, *parts]) + "\n")


if __name__ == "__main__":
    main()
