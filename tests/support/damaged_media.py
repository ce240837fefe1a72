"""Files that a test damages, and what their first reads must give."""

import subprocess

import oracle
import pytest

from cycodec import InvalidDataError
from cycodec.decoders import VideoDecoder


def made(folder, name, options, seconds=1.2):
    """Returns the path of a file of 10 frames a second that ffmpeg makes.

    Skips the test if ffmpeg lacks the encoder.
    """
    path = folder / name
    picture = f"-f lavfi -i testsrc2=s=96x64:r=10:d={seconds}"
    command = f"ffmpeg -v error -y {picture} {options} -threads 1 -flags +bitexact".split()
    done = subprocess.run([*command, str(path)], capture_output=True, text=True)
    if "Unknown encoder" in done.stderr:
        pytest.skip("this ffmpeg lacks the encoder")
    assert done.returncode == 0, done.stderr
    return path


def packets(path, stream="v:0"):
    """Returns (place in the file, size) of each packet of a stream."""
    entries = f"-select_streams {stream} -show_entries packet=pos,size -of csv=p=0"
    command = ["ffprobe", "-v", "error", *entries.split(), str(path)]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    rows = [line.split(",") for line in text.split()]
    return [(int(pos), int(size)) for size, pos, *_ in rows]


def lacks_frames(path, count, is_confirmed=False):
    """Asserts that each first read gives ffmpeg's frame; returns True if packets give no frame.

    `count` is the number of packets. Of frames with unwritten pixels, one of ffmpeg's is enough.
    With `is_confirmed`, each decoder confirms its index before it reads.
    """
    reference = oracle.reference(path)
    if reference.count == 0:
        with pytest.raises(InvalidDataError):
            VideoDecoder(path)
        return True
    found = []
    for number in range(count):
        with VideoDecoder(path, dimension_order="NHWC", num_threads=1) as decoder:
            if is_confirmed:
                decoder.confirm()
                assert len(decoder) == reference.count
            if number < reference.count:
                found.append(oracle.digest(decoder[number]))
                continue
            promised = len(decoder)
            with pytest.raises(IndexError):
                decoder[number]
            # a number beyond what the header promises leads to no read
            assert len(decoder) == reference.count or number >= promised
    truth = list(reference.digests[: len(found)])
    if found != truth:
        truth = oracle.repeated(path, found)
    assert [n for n, one in enumerate(found) if one != truth[n]] == []
    return reference.count < count
