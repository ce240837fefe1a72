"""Tries a wheel in a Debian system that has neither FFmpeg nor a compiler. Needs root.

    PYTHONPATH=tools python -m wheels.trial WHEEL [--suite bookworm] [--torch 2.1.0]

The wheel is installed by pip, first without torch and then with it. The doctor, a round trip of
video and audio, and FFmpeg's choice at run time are tried. Frames of lossy clips are compared with
those of cycodec on this machine. In a second system, with a compiler, extensions are built by the
guide, and the kernels' tests run.

The file's name says which processor the wheel is for; an emulator runs that of another machine.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wheels import oracle
from wheels.chroot import Chroot, local_wheels
from wheels.matrix import TOOLS, pinned, summary

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build/trial"
# None of these may be there, or the trial would show nothing.
FORBIDDEN = "ffmpeg gcc cc clang pkg-config"
# The first release of torch that works with NumPy 2.
NUMPY_2 = (2, 3)

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

# Clips of codecs whose standards fix every sample, by the encoders that this machine's FFmpeg has.
CLIPS = """
import pathlib, sys, torch
from cycodec.encoders import VideoEncoder, available

folder = pathlib.Path(sys.argv[1])
dice = torch.Generator().manual_seed(7)
noise = torch.randint(0, 256, (16, 3, 12, 16), generator=dice).float()
frames = torch.nn.functional.interpolate(noise, size=(98, 130), mode="bilinear").to(torch.uint8)
wanted = [("libx264", "mp4", "yuv420p"), ("libx264", "mkv", "yuv420p10le"), ("libx265", "mp4", "yuv420p"),
          ("libvpx", "webm", "yuv420p"), ("libvpx-vp9", "webm", "yuv444p"), ("libsvtav1", "mp4", "yuv420p10le")]
names = set(available("mkv").video)
for codec, ending, pixels in wanted:
    if codec in names:
        path = folder / f"{codec}_{pixels}.{ending}"
        VideoEncoder(frames, frame_rate=25).to_file(path, codec=codec, pixel_format=pixels)
"""
CHECKSUMS = """
import hashlib, pathlib, sys
from cycodec.decoders import VideoDecoder

for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    decoder = VideoDecoder(path, output="yuv", output_dtype="auto")
    sums = hashlib.sha256()
    for frame in decoder:
        sums.update(frame.contiguous().numpy().tobytes())
    print(path.name, len(decoder), sums.hexdigest()[:16])
"""

# What the guide for extensions says one needs, but for pip's packages.
COMPILER = ("ca-certificates", "python3", "python3-venv", "python3-dev", "gcc", "libc6-dev")
# What the kernels' tests read of the checkout. cycodec itself is that of the wheel.
TESTED = ("tests", "csrc", "cycodec/cuda/kernels", "pyproject.toml")


@dataclass(frozen=True)
class Trial:
    """A wheel, and where and with what it is tried.

    `wheel` is its path in the systems, and `shared` holds what they see of this machine.
    """

    wheel: str
    machine: str
    suite: str
    torch: str
    shared: dict[str, Path]

    def system(self, purpose: str = "") -> Chroot:
        """Return the system for a purpose."""
        return Chroot(WORK / f"{self.suite}-{self.machine}{purpose}", self.suite, self.machine)

    def requirements(self) -> str:
        """Return what pip must install for torch."""
        version = tuple(int(part) for part in self.torch.split(".")[:2])
        return f"torch=={self.torch} " + ("numpy" if version >= NUMPY_2 else "'numpy<2'")


def heredoc(python: str, script: str, arguments: str = "") -> str:
    """Return the shell command that runs a Python script, outside of any checkout."""
    return f"cd /; {python} - {arguments} <<'E'\n{script}\nE"


def machine_of(wheel: Path) -> str:
    """Return the processor that the name of a wheel says."""
    match = re.search(r"-\w*?linux\w*?_(x86_64|aarch64)(\.\w+)*\.whl$", wheel.name)
    if match is None:
        raise SystemExit(f"{wheel.name} is no wheel for Linux on x86_64 or aarch64")
    return match[1]


def try_installed(trial: Trial) -> None:
    """Install the wheel without and with torch; run the doctor, a round trip and a refusal."""
    system = trial.system()
    system.make(("ca-certificates", "python3", "python3-venv"))
    with system.entered(**trial.shared):
        system.run(f"for name in {FORBIDDEN}; do if command -v $name; then exit 1; fi; done")
        system.run("if ls /usr/include/*/libav* /usr/lib/*/libav* 2>/dev/null; then exit 1; fi")
        for folder in ("/bare", "/trial"):
            system.run(f"test -x {folder}/bin/pip || python3 -m venv {folder}")
            system.run(
                f"{folder}/bin/pip install -q numpy;"
                f"{folder}/bin/pip install -q --force-reinstall --no-deps {trial.wheel}"
            )
        print("processor:", system.run("uname -m").stdout, end="", flush=True)
        print("without torch:", system.run(heredoc("/bare/bin/python", WITHOUT_TORCH)).stdout, end="")
        system.run(
            f"/trial/bin/pip install -q {trial.requirements()}; /trial/bin/pip install -q '{trial.wheel}[cli]'"
        )
        print(system.run("cd /; /trial/bin/cycodec doctor", COLUMNS="160").stdout, flush=True)
        print("round trip:\n" + system.run(heredoc("/trial/bin/python", ROUND_TRIP)).stdout, flush=True)
        refused = system.run(heredoc("/bare/bin/python", WITHOUT_TORCH), check=False, CYCODEC_FFMPEG="system")
        if refused.returncode == 0 or "CYCODEC_FFMPEG=system" not in refused.stderr:
            raise SystemExit(f"a system without FFmpeg was not refused:\n{refused.stderr}")
        print("CYCODEC_FFMPEG=system:", refused.stderr.strip().splitlines()[-1])


def here(script: str, folder: Path) -> str:
    """Run a Python script with the cycodec of this checkout; return what it prints."""
    command = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"cycodec of this checkout, which must be built in place, failed:\n{done.stderr}")
    return done.stdout


def try_frames(trial: Trial) -> None:
    """Compare the decoded samples of lossy clips with those of cycodec on this machine."""
    clips = WORK / "clips"
    shutil.rmtree(clips, ignore_errors=True)
    clips.mkdir(parents=True)
    here(CLIPS, clips)
    expected = here(CHECKSUMS, clips)
    if not expected:
        raise SystemExit("this machine's FFmpeg has no encoder to make clips with")
    system = trial.system()
    with system.entered(**trial.shared, clips=clips):
        found = system.run(heredoc("/trial/bin/python", CHECKSUMS, "/clips")).stdout
    if found != expected:
        raise SystemExit(f"frames differ; here:\n{expected}in the trial:\n{found}")
    print("frames as on this machine:\n" + found, flush=True)


def try_extensions(trial: Trial) -> None:
    """Follow docs/cimport.md on a system with a compiler and without FFmpeg's headers.

    Both packages of tests/downstream are built by the guide's commands: one writes a
    video, and the other computes the mean luma of a frame of it.
    """
    system = trial.system("-compiler")
    system.make(COMPILER, like=trial.system())
    project = system.folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    # setup.py builds every .pyx file of its folder
    for name in ("luma/setup.py", "luma/luma.pyx", "writer/writer.pyx"):
        shutil.copy(ROOT / "tests/downstream" / name, project)
    page = (ROOT / "docs/cimport.md").read_text()
    packages, build, call = re.findall(r"^\$ (.*)$", page, re.MULTILINE)
    written = 'python -c \'import writer; writer.write("video.mp4", 20, "mpeg4")\''
    with system.entered(**trial.shared):
        system.run("if ls /usr/include/*/libav* /usr/lib/*/libav* 2>/dev/null; then exit 1; fi")
        install_beside_compiler(system, trial)
        script = [
            "export PATH=/trial/bin:$PATH; cd /project",
            f"{packages} -q",
            f"{build} >build.log 2>&1",
            written,
            call,
        ]
        printed = system.run("\n".join(script)).stdout.strip()
    print("extensions by the guide: mean luma", printed, flush=True)


def install_beside_compiler(system: Chroot, trial: Trial) -> None:
    """Install the wheel and torch into the system that has a compiler."""
    system.run("test -x /trial/bin/pip || python3 -m venv /trial")
    system.run(
        f"/trial/bin/pip install -q {trial.requirements()};"
        f"/trial/bin/pip install -q --force-reinstall --no-deps {trial.wheel}"
    )


def try_kernels(trial: Trial, minutes: float) -> None:
    """Run the kernels' tests, which compare with the ffmpeg command of the wheel's version."""
    command = oracle.make(
        WORK / f"oracle-{trial.machine}", ROOT / f"build/wheel/apt-{trial.machine}", trial.machine
    )
    system = trial.system("-compiler")
    system.make((*COMPILER, "pkg-config"), like=trial.system())
    target = system.folder / "tested"
    shutil.rmtree(target, ignore_errors=True)
    for name in TESTED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, target / name)
    log = WORK / f"kernels-{trial.machine}.log"
    with system.entered(**trial.shared, oracle=command.parent):
        install_beside_compiler(system, trial)
        system.run(f"/trial/bin/pip install -q {pinned(TOOLS)}")
        libraries = system.run(heredoc("/trial/bin/python", PKG_CONFIG, "/tested/pkgconfig")).stdout.strip()
        status = system.watch(
            # the script `pytest` does not put this folder, with the rest of cycodec, on the path
            "cd /tested; /trial/bin/pytest -q -p no:cacheprovider tests/native",
            log,
            60 * minutes,
            CYCODEC_TEST_FFMPEG="/oracle/ffmpeg",
            PKG_CONFIG_PATH="/tested/pkgconfig",
            LD_LIBRARY_PATH=libraries,
        )
    result = summary(status, log.read_text(errors="replace"), minutes)
    print(f"tests/native: {result} ({log})", flush=True)
    if status != 0:
        raise SystemExit("the kernels' tests failed")


# Describes the wheel's libraries to the C programs of the tests.
PKG_CONFIG = r"""
import pathlib, re, sys
import cycodec

folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
libraries = pathlib.Path(cycodec.ffmpeg_versions()["folder"])
for path in libraries.glob("lib*.so.*"):
    name = re.match(r"lib[a-z]+", path.name)[0]
    (folder / f"{name}.pc").write_text(
        f"Name: {name}\nDescription: of the wheel\nVersion: 1\nCflags: -I{cycodec.get_include()}/include\nLibs: {path}\n"
    )
print(libraries)
"""

# In the order in which they run.
PARTS: dict[str, Callable[[Trial], None]] = {
    "install": try_installed,
    "frames": try_frames,
    "extensions": try_extensions,
}


def main() -> int:
    """Try the wheel that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m wheels.trial", description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--torch", default="2.13.0", help="the version of torch (default: 2.13.0)")
    parser.add_argument("--part", action="append", choices=[*PARTS, "kernels"], help="only this part")
    parser.add_argument("--minutes", type=float, default=60, help="the time limit of the kernels' tests")
    arguments = parser.parse_args()
    trial = Trial(
        wheel=f"/wheels/{arguments.wheel.name}",
        machine=machine_of(arguments.wheel),
        suite=arguments.suite,
        torch=arguments.torch,
        shared={"wheels": arguments.wheel.resolve().parent} | local_wheels(),
    )
    chosen = arguments.part or [*PARTS, "kernels"]
    for name, run in PARTS.items():
        if name in chosen:
            run(trial)
    if "kernels" in chosen:
        try_kernels(trial, arguments.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
