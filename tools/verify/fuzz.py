"""Feed mutated media to cycodec and report faults.

Faults are crashes, hangs, memory growth, untyped errors and order-dependence.

A child process runs a batch of inputs, each named by a file and a seed, under a limit of its
address space and a watchdog. Where the child ends by a signal or does not answer, the parent knows
the input by its last line.
"""

import argparse
import contextlib
import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
sys.path[:0] = [str(SUPPORT)]

from mutations import mutate  # noqa: E402

SPACE = 6 << 30  # bytes of address space of a child; torch alone maps about 2 GiB
SECONDS = 20.0  # that one input may take
BATCH = 400

# The corpus: tiny files, which are read quickly. name -> arguments of ffmpeg
PICTURE = "-f lavfi -i testsrc2=s=48x32:r=10:d=1.2"
TONE = "-f lavfi -i sine=f=440:r=16000:d=0.6"
CORPUS = {
    "h264.mp4": f"{PICTURE} {TONE} -c:v libx264 -g 5 -bf 2 -c:a aac -shortest",
    "h264_frag.mp4": f"{PICTURE} -c:v libx264 -g 5 -bf 2 -movflags +frag_keyframe+empty_moov",
    "hevc.mp4": f"{PICTURE} -c:v libx265 -x265-params log-level=none:keyint=5",
    "mpeg4.mov": f"{PICTURE} -c:v mpeg4 -g 5 -bf 2",
    "h264.mkv": f"{PICTURE} {TONE} -c:v libx264 -g 5 -bf 2 -c:a flac -shortest",
    "vp9.webm": f"{PICTURE} -c:v libvpx-vp9 -g 5",
    "vp8.webm": f"{PICTURE} {TONE} -c:v libvpx -g 5 -c:a libopus",
    "mpeg4.avi": f"{PICTURE} -c:v mpeg4 -g 5 -bf 2",
    "msmpeg4.avi": f"{PICTURE} -c:v msmpeg4 -g 5",
    "mjpeg.avi": f"{PICTURE} -c:v mjpeg -pix_fmt yuvj420p",
    "h264.ts": f"{PICTURE} {TONE} -c:v libx264 -g 5 -bf 2 -c:a mp2",
    "mpeg2.ts": f"{PICTURE} -c:v mpeg2video -g 5 -bf 2",
    "mpeg2.mpg": f"{PICTURE} -c:v mpeg2video -g 5 -bf 2",
    "h264.flv": f"{PICTURE} -c:v libx264 -g 5 -bf 2",
    "raw.h264": f"{PICTURE} -c:v libx264 -g 5 -bf 2 -f h264",
    "raw.hevc": f"{PICTURE} -c:v libx265 -x265-params log-level=none:keyint=5 -f hevc",
    "raw.mpeg2video": f"{PICTURE} -c:v mpeg2video -g 5 -f mpeg2video",
    "raw.m4v": f"{PICTURE} -c:v mpeg4 -g 5 -bf 2 -f m4v",
    "tiny.gif": f"{PICTURE}",
    "theora.ogg": f"{PICTURE} -c:v libtheora -g 5",
    "pcm.wav": f"{TONE}",
    "float.wav": f"{TONE} -c:a pcm_f32le",
    "tone.flac": f"{TONE}",
    "tone.mp3": f"{TONE} -c:a libmp3lame",
    "tone.ogg": f"{TONE} -c:a libvorbis",
    "tone.opus": f"{TONE} -c:a libopus",
    "tone.m4a": f"{TONE} -c:a aac",
    "tone.ac3": f"{TONE} -c:a ac3",
}


def corpus(folder):
    """The files of the corpus, made where they are missing; and indexes of some of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, arguments in CORPUS.items():
        path = folder / name
        if not path.exists():
            draft = folder / f"draft_{name}"
            command = ["ffmpeg", "-v", "error", "-y", *arguments.split(), "-flags", "+bitexact", str(draft)]
            if subprocess.run(command).returncode == 0:
                draft.rename(path)
    from cycodec.decoders import VideoDecoder

    for name in ("h264.mp4", "h264.ts", "mpeg4.avi"):
        if (folder / name).exists() and not (folder / f"{name}.idx").exists():
            VideoDecoder(folder / name).index.save(folder / f"{name}.idx")
    return sorted(path for path in folder.iterdir() if not path.name.startswith("draft_"))


# -- the child -------------------------------------------------------------------------------------


def exercise(path, data):
    """Use an input as people do; what is wrong, or None. Typed errors are right."""
    from cycodec import FFmpegError, FrameIndex
    from cycodec.decoders import AudioDecoder, VideoDecoder, get_container_metadata

    typed = (FFmpegError, IndexError, ValueError)
    if path.suffix == ".idx":
        owner = path.with_suffix("")
        try:
            index = FrameIndex.from_bytes(data)
        except FFmpegError:
            return None
        try:
            with VideoDecoder(owner, index=index) as decoder:
                for number in (0, len(decoder) - 1):
                    decoder[number]
        except typed:
            pass
        return None

    def frames(order):
        found = {}
        with VideoDecoder(data, num_threads=1) as decoder:
            count = min(len(decoder), 12)
            for number in order(range(count)):
                try:
                    found[number] = hashlib.md5(decoder[number].numpy()).digest()
                except typed as error:
                    found[number] = type(error).__name__
            return found, len(decoder)

    with contextlib.suppress(typed):
        get_container_metadata(data)
    try:
        forwards, count = frames(list)
        backwards, count_backwards = frames(lambda numbers: list(numbers)[::-1])
        shared = [n for n in forwards if n in backwards]
        different = [n for n in shared if forwards[n] != backwards[n]]
        if different and CHECK_ORDER:
            return f"frames {different[:4]} depend on the order of access"
        if count != count_backwards and CHECK_ORDER:
            return f"the length depends on the order of access: {count} or {count_backwards}"
    except typed:
        pass
    try:
        with AudioDecoder(data) as decoder:
            decoder[0:100]
            decoder.get_all_samples()
            decoder.get_samples_played_in_range(0.1, 0.2)
    except typed:
        pass
    return None


CHECK_ORDER = os.environ.get("CYCODEC_FUZZ_ORDER", "1") == "1"


def child():
    """Read lines "path seed", write "begin", then "ok" or "wrong ..."."""
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        path, _, seed = line.rstrip("\n").rpartition(" ")
        path = Path(path)
        data = path.read_bytes()
        if seed != "-":
            data = mutate(data, path.suffix[1:], int(seed))
        sys.stdout.write("begin\n")
        sys.stdout.flush()
        try:
            wrong = exercise(path, data)
        except MemoryError:
            wrong = "MemoryError"
        except BaseException as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            wrong = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        sys.stdout.write(f"wrong {wrong}\n".replace("\n", " ") + "\n" if wrong else "ok\n")
        sys.stdout.flush()


# -- the parent ------------------------------------------------------------------------------------


def run_batch(inputs, report):
    """Run inputs in children, replacing each one that dies; return the number of inputs."""
    inputs = list(inputs)
    done = 0
    while inputs:
        process = subprocess.Popen(
            [sys.executable, __file__, "--child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        )  # fmt: skip
        timer = None
        while inputs:
            path, seed = inputs[0]
            timer = threading.Timer(SECONDS, process.kill)
            timer.start()
            try:
                process.stdin.write(f"{path} {seed}\n")
                process.stdin.flush()
                begun = process.stdout.readline()
                answer = process.stdout.readline() if begun else ""
            except BrokenPipeError:
                begun = answer = ""
            hung = not timer.is_alive() and not answer
            timer.cancel()
            inputs.pop(0)
            done += 1
            if not answer:
                code = process.wait()
                name = "hang" if hung else signal.Signals(-code).name if code < 0 else f"exit {code}"
                report(path, seed, name)
                break
            if answer.startswith("wrong"):
                report(path, seed, answer[6:].strip())
        else:
            process.stdin.close()
            process.wait()
    return done


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="stop after this time (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="where the random numbers begin (default: 0)")
    parser.add_argument("--only", default="", help="use files whose name holds this text")
    parser.add_argument(
        "--reproduce", nargs=2, metavar=("FILE", "SEED"), help="run one input, in this process"
    )
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz", help="of corpus and findings")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child()
    if options.reproduce:
        path, seed = Path(options.reproduce[0]), options.reproduce[1]
        data = path.read_bytes() if seed == "-" else mutate(path.read_bytes(), path.suffix[1:], int(seed))
        print(exercise(path, data) or "nothing is wrong")
        return 0
    files = [path for path in corpus(options.folder / "corpus") if options.only in path.name]
    dice = random.Random(options.seed)
    end = time.monotonic() + 60 * options.minutes
    findings = {}
    total = 0

    def report(path, seed, what):
        kind = (what.split(":")[0], what.rpartition("(")[2])
        findings.setdefault(kind, []).append((path, seed, what))
        if len(findings[kind]) <= 3:
            print(f"tools/fuzz --reproduce {path} {seed}\n    {what[:200]}", flush=True)

    while time.monotonic() < end:
        batch = [(dice.choice(files), dice.randrange(1 << 40)) for _ in range(BATCH)]
        total += run_batch(batch, report)
    print(
        f"{total} executions, {sum(map(len, findings.values()))} findings of {len(findings)} kinds (seed {options.seed})"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
