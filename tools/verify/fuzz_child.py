"""The child of tools/fuzz: uses mutated inputs as people do, and says what went wrong.

It reads lines "path seed" and answers each with "begin" and then "ok" or "wrong ...".
"""

import contextlib
import functools
import hashlib
import os
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

from mutations import mutate

SPACE = 6 << 30  # bytes of address space; torch alone maps about 2 GiB
CPU_SECONDS = float(os.environ.get("CYCODEC_FUZZ_SECONDS", "20"))  # that one input may take
OPENS = 20  # how often one input is opened at most
CHECK_ORDER = os.environ.get("CYCODEC_FUZZ_ORDER", "1") == "1"
ONE_USE = os.environ.get("CYCODEC_FUZZ_ONE_USE", "0") == "1"
SANITIZED = os.environ.get("CYCODEC_FUZZ_SANITIZED", "0") == "1"

IMAGES = {".jpg", ".png", ".apng", ".gif", ".webp", ".avif", ".heic"}
MAX_PIXELS = 1 << 20
MAX_RESULT_BYTES = 1 << 26
# What one input may take of the process's memory beside what FFmpeg's demuxer takes, which believes
# some counts in headers: FFmpeg keeps up to 17 decoded frames and as many free ones.
PEAK = 400 << 20


@functools.cache
def bytes_of(path):
    return path.read_bytes()


def data_of(path, seed):
    """Return the bytes of an input: of a file, changed by a seed unless it is "-"."""
    data = bytes_of(path)
    return data if seed == "-" else mutate(data, path.suffix[1:], int(seed))


def exercise(path, data, seed):
    """Use an input; return what is wrong, or None. Typed errors are right."""
    dice = random.Random(f"use {seed}")
    if path.suffix == ".idx":
        return use_index(path.with_suffix(""), data, dice)
    if ONE_USE:
        return dice.choice(uses_of(path))(data, dice)
    describe(data, dice)
    wrong = read_in_two_orders(data)
    for use in (read_by_time, read_masked, read_pictures):
        if dice.random() < 0.3:
            use(data, dice)
    read_sound(data, dice)
    if path.suffix == ".wav":
        read_wav(data, dice)
    if path.suffix in IMAGES:
        read_image(data, dice)
    return wrong


def uses_of(path):
    """Return the uses of a file, of which one is drawn."""
    if path.suffix in IMAGES - {".gif", ".apng"}:
        return [read_image]
    uses = [describe, read_some, read_by_time, read_masked, read_pictures, read_sound]
    more = [read_wav] if path.suffix == ".wav" else []
    return uses + more + ([read_image] if path.suffix in IMAGES else [])


def describe(data, dice):
    from cycodec.decoders import get_container_metadata

    with typed_only():
        repr(get_container_metadata(data))


@contextlib.contextmanager
def typed_only(*more):
    """Let errors of the source pass, and those that a wrong frame number or time may raise."""
    import cycodec

    with contextlib.suppress(cycodec.FFmpegError, *more):
        yield


def use_index(owner, data, dice):
    from cycodec import FFmpegError, FrameIndex
    from cycodec.decoders import VideoDecoder

    try:
        index = FrameIndex.from_bytes(data)
    except FFmpegError:
        return
    # most are refused, and an open decoder costs a hundred times as much
    if dice.random() < 0.7:
        repr(index), index.to_bytes(), index.key_frames, len(index)
        return
    with typed_only(IndexError, ValueError), VideoDecoder(owner, index=index) as decoder:
        for number in (0, len(decoder) - 1, len(decoder) // 2):
            with typed_only(IndexError):
                decoder[number]
        with typed_only(IndexError):
            decoder.get_frame_played_at(index.begin_seconds)
        decoder.get_frames_played_in_range(index.begin_seconds, index.begin_seconds + 0.3)
    return


def read_in_two_orders(data):
    """Read frames forwards and, with a new decoder, backwards; return what differs, or None."""
    from cycodec import FFmpegError
    from cycodec.decoders import VideoDecoder

    def frames(order):
        found = {}
        with VideoDecoder(data, num_threads=1, dimension_order="NHWC") as decoder:
            for number in order(range(min(len(decoder), 12))):
                try:
                    found[number] = hashlib.md5(decoder[number].numpy()).digest()
                except (FFmpegError, IndexError) as error:
                    found[number] = type(error).__name__
            return found, len(decoder)

    try:
        forwards, count = frames(list)
        backwards, count_backwards = frames(lambda numbers: list(numbers)[::-1])
    except FFmpegError:
        return None
    different = [n for n in forwards if n in backwards and forwards[n] != backwards[n]]
    if different and CHECK_ORDER:
        return f"frames {different[:4]} depend on the order of access"
    if count != count_backwards and CHECK_ORDER:
        return f"the length depends on the order of access: {count} or {count_backwards}"
    return None


def read_some(data, dice):
    """The frames of a few numbers, in any order."""
    from cycodec.decoders import VideoDecoder

    with typed_only(), VideoDecoder(data, num_threads=1) as decoder:
        for number in (dice.randrange(12), 0, -1):
            with typed_only(IndexError):
                decoder[number]


def read_by_time(data, dice):
    """By instants and ranges, exactly or by the header alone."""
    from cycodec.decoders import VideoDecoder

    mode = dice.choice(["exact", "approximate"])
    with typed_only(), VideoDecoder(data, seek_mode=mode, num_threads=1) as decoder:
        begin = decoder.metadata.begin_stream_seconds
        for instant in (begin, begin + 0.55, begin + 1e9, -1e300):
            with typed_only(IndexError, ValueError):
                decoder.get_frame_played_at(instant)
        with typed_only(IndexError, ValueError):
            decoder.t[begin : begin + 0.5]
        with typed_only(IndexError, ValueError):
            decoder[-1], decoder[0]
        repr(decoder)


def read_masked(data, dice):
    from cycodec.decoders import VideoDecoder

    threads = dice.choice([1, 2])
    with typed_only(), VideoDecoder(data, on_error="mask", num_threads=threads) as decoder:
        with typed_only(IndexError):
            decoder.get_frames_in_range(0, 10)
        with typed_only(IndexError):
            decoder.get_frames_at([len(decoder) - 1, 0, 0])
        decoder.confirm()


def read_pictures(data, dice):
    """Resized, cut out, as floats, in planes."""
    import torch

    from cycodec.decoders import VideoDecoder
    from cycodec.transforms import Resize

    options = {
        "output_dtype": dice.choice([torch.uint8, torch.float32, torch.float16, "auto"]),
        "memory_order": dice.choice(["NHWC", "NCHW"]),
        "transforms": dice.choice([None, [Resize((17, 31))], [Resize((64, 90))]]),
        "num_ffmpeg_threads": dice.choice([1, 2]),
    }
    with typed_only(), VideoDecoder(data, **options) as decoder:
        with typed_only(IndexError):
            decoder[0:3, :, 1:9, 3:12]
        with typed_only(IndexError):
            decoder[5]
        for _ in zip(decoder, range(4), strict=False):
            pass


def read_image(data, dice):
    """As an image or an animation: in a mode, resized, or a region of it."""
    from cycodec.images import decode_animation, decode_image, get_image_metadata

    options = {
        "mode": dice.choice(["UNCHANGED", "GRAY", "GRAY_ALPHA", "RGB", "RGBA"]),
        "output_dtype": dice.choice(["auto", "uint8"]),
        "region": dice.choice([None, None, (1, 9, 2, 7)]),
        "size": dice.choice([None, None, 5, (11, 60)]),
        "max_pixels": MAX_PIXELS,
    }
    # a region that is not inside the image is an error of the caller
    errors = (ValueError,) if options["region"] else ()
    with typed_only():
        repr(get_image_metadata(data))
    with typed_only(*errors):
        if dice.random() < 0.3:
            decode_animation(data, mode=options["mode"], max_pixels=MAX_PIXELS)
        else:
            decode_image(data, **options)


def read_sound(data, dice):
    from cycodec.decoders import AudioDecoder

    with typed_only(), AudioDecoder(data, **audio_options(dice)) as decoder:
        hear(decoder, dice)


def audio_options(dice):
    return {
        "seek_mode": dice.choice(["approximate", "exact"]),
        "gaps": dice.choice(["silence", "skip"]),
        "on_error": dice.choice(["raise", "mask"]),
        "sample_rate": dice.choice([None, None, 8000, 44100]),
        "num_channels": dice.choice([None, None, 1, 2]),
    }


def hear(decoder, dice):
    """Read the whole, windows by number and by time, and the facts."""
    begin = decoder.metadata.begin_stream_seconds or 0.0
    reads = [
        lambda: decoder[0:100],
        lambda: decoder.get_all_samples(),
        lambda: decoder.get_samples_played_in_range(begin + 0.1, begin + 0.2),
        lambda: decoder[70_000:70_100],
        lambda: (len(decoder), decoder[-50:]),
        lambda: decoder.gaps,
        lambda: decoder.t[begin + 0.3],
        lambda: repr(decoder.metadata),
    ]
    dice.shuffle(reads)
    for read in reads:
        with typed_only(IndexError, ValueError):
            read()


def read_wav(data, dice):
    from cycodec.decoders import WavDecoder

    with typed_only(), WavDecoder(data) as decoder:
        hear(decoder, dice)


# -- the process -----------------------------------------------------------------------------------


def memory(name):
    """Return a figure of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


class Peak:
    """The memory that one input takes; 0 where the system does not tell it."""

    def __init__(self):
        self.known = True
        try:
            Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM back
            self.before = memory("VmRSS")
        except OSError:
            self.known = False

    def grown(self):
        return memory("VmHWM") - self.before if self.known else 0


class Highest:
    """The memory by which an input raises the process's highest; cheap, and blind below that."""

    def __init__(self):
        self.before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def grown(self):
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self.before) * 1024


def demuxer_peak(data):
    """Return the memory that FFmpeg's demuxer takes for an input."""
    from cycodec import FFmpegError
    from cycodec._shared.sources import open_source
    from cycodec.core.container.demux import Demuxer

    peak = Peak()
    with contextlib.suppress(FFmpegError, MemoryError):
        Demuxer(open_source(data))
    return peak.grown()


def answer(path, seed):
    """Use one input; return "ok" or "wrong ..."."""
    begun = time.process_time()
    data = data_of(path, seed)
    is_measured = path.suffix != ".idx" and not ONE_USE
    unavoidable = 2 * demuxer_peak(data) if is_measured else 0
    # FFmpeg's demuxer may take seconds for a false table, each time that the input is opened
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS + OPENS * time.process_time() - OPENS * begun)
    peak = Peak() if is_measured else Highest()
    try:
        wrong = exercise(path, data, seed)
    except MemoryError:
        wrong = f"MemoryError ({place_of(sys.exc_info()[2])})"
    except BaseException as error:
        wrong = f"{type(error).__name__}: {error} ({place_of(error.__traceback__)})"
    grown = peak.grown()
    if wrong is None and not SANITIZED and grown > PEAK:
        # most inputs are small enough, whatever the demuxer takes
        unavoidable = unavoidable if is_measured else 2 * demuxer_peak(data)
        if grown > PEAK + unavoidable:
            wrong = f"memory: {grown >> 20} MiB"
    return "ok" if wrong is None else f"wrong {' '.join(wrong.split())}"


def place_of(trace):
    place = traceback.extract_tb(trace)[-1]
    return f"{Path(place.filename).name}:{place.lineno}"


def main():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import cycodec
    import cycodec.decoders

    cycodec.set_limits(max_pixels=MAX_PIXELS, max_result_bytes=MAX_RESULT_BYTES)
    for line in sys.stdin:
        path, _, seed = line.rstrip("\n").rpartition(" ")
        sys.stdout.write("begin\n")
        sys.stdout.flush()
        # SIGPROF ends the process: the time counts that it computes, not that of other processes
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        found = answer(Path(path), seed)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(f"{found}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
