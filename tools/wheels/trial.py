"""Tries a wheel in a Debian system that has neither FFmpeg nor a compiler. Needs root.

    PYTHONPATH=tools python -m wheels.trial WHEEL [--suite bookworm]

The wheel is installed by pip, first without torch and then with it. The doctor, a round trip of
video and audio, and FFmpeg's choice at run time are tried. In a second system, with a compiler,
extensions are built by the guide.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from wheels.chroot import Chroot, local_wheels

ROOT = Path(__file__).resolve().parents[2]
# None of these may be there, or the trial would show nothing.
FORBIDDEN = "ffmpeg gcc cc clang pkg-config"

WITHOUT_TORCH = """
import cycodec
facts = cycodec.ffmpeg_versions()
assert facts["origin"] == "bundled", facts
assert "LGPL" in facts["license"], facts
assert "/cycodec.libs" in facts["folder"], facts
print(facts["ffmpeg"], facts["license"], facts["folder"])
"""

ROUND_TRIP = """
import pathlib, tempfile, torch
import cycodec.encoders
from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.encoders import AudioEncoder, VideoEncoder

folder = pathlib.Path(tempfile.mkdtemp())
rows = torch.arange(96, dtype=torch.uint8)[:, None].expand(96, 128)
frames = torch.stack([torch.stack([rows + 3 * i, 255 - rows, rows]) for i in range(12)])
lossless = [("ffv1", "mkv", "bgr0"), ("libvpx-vp9", "webm", "gbrp")]
for codec, ending, form in [*lossless, ("libvpx", "webm", None), ("libsvtav1", "mp4", None), ("mpeg4", "mp4", None)]:
    path = folder / f"{codec}.{ending}"
    options = {"lossless": 1} if codec == "libvpx-vp9" else None
    VideoEncoder(frames, frame_rate=25).to_file(path, codec=codec, pixel_format=form, extra_options=options)
    decoder = VideoDecoder(path)
    assert len(decoder) == 12, (codec, len(decoder))
    difference = (decoder[...].float() - frames.float()).abs().mean()
    assert difference < (0.01 if form else 12), (codec, difference)
    print(codec, decoder.metadata.codec, round(float(difference), 2))
samples = 0.5 * torch.sin(torch.arange(48000) * 0.05).repeat(2, 1)
for codec, ending in [("libopus", "opus"), ("libmp3lame", "mp3"), ("libvorbis", "ogg"), ("aac", "m4a"), ("flac", "flac")]:
    path = folder / f"{codec}.{ending}"
    AudioEncoder(samples, sample_rate=48000).to_file(path, codec=codec)
    decoded = AudioDecoder(path).get_all_samples().data
    assert abs(decoded.shape[1] - 48000) < 3000, (codec, decoded.shape)
    print(codec, tuple(decoded.shape))
"""


# What the guide for extensions says one needs, but for pip's packages.
COMPILER = ("ca-certificates", "python3", "python3-venv", "python3-dev", "gcc", "libc6-dev")


def try_extensions(suite: str, shared: dict[str, Path], wheel: str) -> str:
    """Follow docs/cimport.md on a system with a compiler and without FFmpeg's headers.

    Both packages of tests/downstream are built by the guide's commands: one writes a
    video, and the other computes the mean luma of a frame of it.

    Returns
    -------
    str
        The mean luma.
    """
    system = Chroot(ROOT / "build/trial" / f"{suite}-compiler", suite)
    system.make(COMPILER)
    project = system.folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    # setup.py builds every .pyx file of its folder
    for name in ("luma/setup.py", "luma/luma.pyx", "writer/writer.pyx"):
        shutil.copy(ROOT / "tests/downstream" / name, project)
    page = (ROOT / "docs/cimport.md").read_text()
    packages, build, call = re.findall(r"^\$ (.*)$", page, re.MULTILINE)
    written = 'python -c \'import writer; writer.write("video.mp4", 20, "mpeg4")\''
    with system.entered(**shared):
        system.run("if ls /usr/include/*/libav* /usr/lib/*/libav* 2>/dev/null; then exit 1; fi")
        system.run("test -x /trial/bin/pip || python3 -m venv /trial")
        script = [
            "export PATH=/trial/bin:$PATH; cd /project",
            "pip install -q numpy torch==2.13.0",
            f"pip install -q --force-reinstall --no-deps {wheel}",
            f"{packages} -q",
            f"{build} >build.log 2>&1",
            written,
            call,
        ]
        return system.run("\n".join(script)).stdout.strip()


def main() -> int:
    """Install the wheel in the system, and try it."""
    parser = argparse.ArgumentParser(prog="python -m wheels.trial", description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--suite", default="bookworm")
    arguments = parser.parse_args()
    system = Chroot(ROOT / "build/trial" / arguments.suite, arguments.suite)
    system.make(("ca-certificates", "python3", "python3-venv"))
    shared = {"wheels": arguments.wheel.resolve().parent}
    shared |= local_wheels()
    wheel = f"/wheels/{arguments.wheel.name}"
    python = "/trial/bin/python"
    with system.entered(**shared):
        system.run(f"for name in {FORBIDDEN}; do if command -v $name; then exit 1; fi; done")
        system.run("if ls /usr/include/*/libav* /usr/lib/*/libav* 2>/dev/null; then exit 1; fi")
        for folder in ("/bare", "/trial"):
            system.run(f"test -x {folder}/bin/pip || python3 -m venv {folder}")
            system.run(
                f"{folder}/bin/pip install -q numpy; {folder}/bin/pip install -q --force-reinstall --no-deps {wheel}"
            )
        print(
            "without torch:", system.run(f"cd /; /bare/bin/python - <<'E'\n{WITHOUT_TORCH}\nE").stdout, end=""
        )
        system.run(f"/trial/bin/pip install -q torch==2.13.0; /trial/bin/pip install -q '{wheel}[cli]'")
        doctor = system.run("cd /; /trial/bin/cycodec doctor", COLUMNS="160")
        print(doctor.stdout)
        print("round trip:\n" + system.run(f"cd /; {python} - <<'E'\n{ROUND_TRIP}\nE").stdout)
        refused = system.run(
            f"cd /; /bare/bin/python - <<'E'\n{WITHOUT_TORCH}\nE", check=False, CYCODEC_FFMPEG="system"
        )
        if refused.returncode == 0 or "CYCODEC_FFMPEG=system" not in refused.stderr:
            raise SystemExit(f"a system without FFmpeg was not refused:\n{refused.stderr}")
        print("CYCODEC_FFMPEG=system:", refused.stderr.strip().splitlines()[-1])
    print("extensions by the guide: mean luma", try_extensions(arguments.suite, shared, wheel))
    return 0


if __name__ == "__main__":
    sys.exit(main())
