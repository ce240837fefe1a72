"""Decode with cycodec and with other packages that carry FFmpeg, in one process, in every order.

    python import_orders.py [FILE]

Each order runs in a process of its own. It imports the packages one after the other, decodes the
first frame with each right after its import, and decodes with all of them again at the end. The
frames must agree. A package that is not installed is left out and named. Exit status 1 means that
an order failed.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ("av", "cv2", "torchcodec", "cycodec")
# Mean difference of levels that conversions to RGB of different libraries may have.
TOLERANCE = 3.0

CHILD = """
import json, sys

path, order = sys.argv[1], sys.argv[2:]


def av():
    import av

    with av.open(path) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def cv2():
    import cv2

    works, frame = cv2.VideoCapture(path).read()
    assert works, "cv2 reads no frame"
    return frame[:, :, ::-1]


def torchcodec():
    from torchcodec.decoders import VideoDecoder

    return VideoDecoder(path)[0].permute(1, 2, 0).numpy()


def cycodec():
    from cycodec.decoders import VideoDecoder

    return VideoDecoder(path)[0].permute(1, 2, 0).numpy()


decode = {"av": av, "cv2": cv2, "torchcodec": torchcodec, "cycodec": cycodec}
frames = [decode[name]().astype("float64") for name in [*order, *order]]
worst = max(abs(frame - frames[0]).mean() for frame in frames)
libraries = sorted({line.split()[-1] for line in open("/proc/self/maps") if "libavcodec" in line})
print(json.dumps({"worst": worst, "libraries": libraries, "level": frames[0].mean()}))
"""


def make_clip(folder: Path) -> Path:
    """Write a short MPEG-4 clip, which every build of FFmpeg can decode."""
    code = (
        "import sys, torch\n"
        "from cycodec.encoders import VideoEncoder\n"
        "rows = torch.arange(128, dtype=torch.uint8)[:, None].expand(128, 192)\n"
        "frames = torch.stack([torch.stack([rows + 4 * i, 255 - rows, rows // 2]) for i in range(8)])\n"
        "VideoEncoder(frames, frame_rate=25).to_file(sys.argv[1], codec='mpeg4')\n"
    )
    path = folder / "clip.mp4"
    subprocess.run([sys.executable, "-c", code, path], check=True)
    return path


def main(arguments: list[str]) -> int:
    """Try every order; return 1 if one of them fails."""
    present = [name for name in PACKAGES if importlib.util.find_spec(name)]
    absent = sorted(set(PACKAGES) - set(present))
    print("packages:", ", ".join(present), f"(not installed: {', '.join(absent)})" if absent else "")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(arguments[0]) if arguments else make_clip(Path(folder))
        for order in itertools.permutations(present):
            command = [sys.executable, "-c", CHILD, str(path), *order]
            done = subprocess.run(command, capture_output=True, text=True)
            result = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
            good = result is not None and result["worst"] < TOLERANCE
            failed += not good
            detail = f"difference {result['worst']:.2f}" if result else f"status {done.returncode}"
            print("ok     " if good else "FAILED ", " ".join(order), detail, flush=True)
            if not good:
                print(done.stderr[-2000:])
    if result:
        print("libavcodec in use:", *result["libraries"], sep="\n  ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
