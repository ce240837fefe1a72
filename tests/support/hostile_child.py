"""The child of tests/api/test_hostile_inputs.py: uses inputs whose names it reads, one a line.

Its arguments are what it does, the folder, and the seconds of computing for an input. It answers
each input with a line of JSON: [problem or null, bytes by which memory has grown, seconds].
"""

import contextlib
import io
import json
import random
import resource
import signal
import sys
import time
from pathlib import Path

import cycodec
from cycodec._cli import app
from cycodec.decoders import AudioDecoder, VideoDecoder, WavDecoder, get_container_metadata
from cycodec.images import decode_animation, decode_image

MORE_SPACE = 3 << 30  # bytes of address space beside those that loading takes


def typed(use, *more):
    """Calls a function that may raise errors of the source, and `more` kinds."""
    with contextlib.suppress(cycodec.FFmpegError, *more):
        use()


def read(path):
    if path.suffix == ".idx":
        typed(lambda: read_video(path.with_name("intact.mp4"), index=path))
        typed(lambda: len(cycodec.FrameIndex.from_bytes(path.read_bytes())))
        return
    source = path if len(path.name) % 2 else path.read_bytes()
    typed(lambda: read_video(source))
    typed(lambda: read_audio(source))
    typed(lambda: get_container_metadata(source))
    typed(lambda: decode_image(source))
    typed(lambda: read_video(path, seek_mode="approximate"), ValueError)  # a header without a length
    typed(lambda: read_video(path, on_error="mask"))
    typed(lambda: decode_animation(path))
    if path.suffix == ".wav":
        typed(lambda: WavDecoder(path).get_all_samples())


def read_video(source, **options):
    with VideoDecoder(source, num_threads=1, **options) as decoder:
        for key in (-1, 0, slice(0, 30, 10)):
            typed(lambda key=key: decoder[key], IndexError)
        begin = decoder.metadata.begin_stream_seconds
        typed(lambda: decoder.t[begin], IndexError)
        typed(lambda: decoder.get_frames_played_in_range(begin, begin + 0.2), ValueError)
        repr(decoder), repr(decoder.metadata)


def read_audio(source):
    with AudioDecoder(source) as decoder:
        length = len(decoder)
        typed(lambda: decoder[max(length // 2 - 100, 0) : length // 2])
        typed(lambda: decoder.get_samples_played_in_range(0.0, 0.3), ValueError)
        repr(decoder)
        typed(lambda: decoder[:4000])


def copy(path):
    intact = path.with_name("intact.mp4")
    for exact in (False, True):
        typed(lambda exact=exact: cycodec.remux(path, io.BytesIO(), 0.2, 0.9, exact=exact, format="matroska"))
    typed(lambda: cycodec.remux(path, io.BytesIO(), format="mp4"))
    typed(lambda: cycodec.extract_audio(path, io.BytesIO(), format="matroska"))
    typed(lambda: cycodec.concat([intact, path], io.BytesIO(), format="matroska"))
    typed(lambda: cycodec.concat([path, path], io.BytesIO(), format="matroska"))


def command(path):
    out = path.with_name("out")
    out.mkdir(exist_ok=True)
    for words in (
        ["info", path], ["info", "--json", path], ["explain", path], ["sheet", path, "-o", out / "sheet.png"],
        ["frames", path, "--at", "0", "-o", out / "frames"], ["index", path, "-o", out / "x.idx"],
        ["cut", path, "--start", "0.1", "--stop", "0.6", "-o", out / "cut.mkv"], ["verify", path],
        ["cut", path, "--start", "0.1", "--stop", "0.6", "--exact", "-o", out / "exact.mkv"],
        ["concat", path, path, "-o", out / "joined.mkv"],
    ):  # fmt: skip
        printed, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
            status = app.main([str(word) for word in words])
        if status not in (0, 1, 2) or "Traceback" in errors.getvalue() or "Traceback" in printed.getvalue():
            raise AssertionError(f"{words[0]}: status {status}, {errors.getvalue()[-300:]}")
        if status and not (errors.getvalue() or printed.getvalue()):
            raise AssertionError(f"{words[0]}: status {status} without a word")


def answer(path, use):
    """Returns what is wrong, how far memory has grown, and the seconds of computing."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    problem = None
    try:
        use(path)
    except BaseException as error:
        problem = f"{type(error).__name__}: {error}"
    unit = 1 if sys.platform == "darwin" else 1024
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit
    return [problem, grown, time.process_time() - begun]


def main():
    what, folder, seconds = sys.argv[1:]
    use = {"read": read, "copy": copy, "command": command}[what]
    random.seed(0)
    use(Path(folder) / "intact.mp4")  # everything is loaded before memory is measured
    cycodec.set_limits(max_pixels=1 << 22, max_result_bytes=1 << 27)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MORE_SPACE
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in sys.stdin.read().split("\n"):
        # SIGPROF ends the process: the time counts that it computes, not that of other processes
        signal.setitimer(signal.ITIMER_PROF, 3 * float(seconds))
        print(json.dumps(answer(Path(folder) / name, use)), flush=True)
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
