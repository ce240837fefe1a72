"""Pictures of which a decoder leaves a part unwritten: the same bytes in any order of access."""

import random

import numpy as np
import oracle
import pytest
from damaged_media import made, packets

from cycodec.decoders import VideoDecoder

NOISE = "-vf noise=alls=8:allf=t"
# name -> encoder with options, and bytes at the end of a packet that are damaged
CLIPS = {
    "magicyuv.avi": (f"{NOISE} -c:v magicyuv -pix_fmt yuv420p", (90, 150, 400)),
    "planes.avi": (f"{NOISE} -c:v magicyuv -pix_fmt gbrp", (90, 400, 2000)),
    "ffv1.mkv": (f"{NOISE} -c:v ffv1 -level 1 -g 1", (90, 400, 2000)),
    "huffyuv.avi": (f"{NOISE} -c:v ffvhuff -pix_fmt yuv420p", (90, 400, 2000)),
}
# The decoder writes none of the rest, and is always begun with the first packet.
FROM_START = {"amv.mkv": ("-c:v amv -strict -1", (90, 400, 1000))}


def with_damage(path, number, count):
    """A copy of a clip in which the last bytes of a packet are damaged."""
    data = bytearray(path.read_bytes())
    pos, size = packets(path)[number]
    end = pos + (4 if path.suffix == ".mkv" else 8) + size
    data[end - count : end] = b"\xff" * count
    other = path.with_name(f"damaged{count}_{path.name}")
    other.write_bytes(data)
    return other


def check_orders(path, orders, what, *options):
    """Reads frames in some orders; the first one holds all of them. All reads give one result,
    which is also that of a run of ffmpeg.
    """
    truth = None
    for order in orders:
        with VideoDecoder(path, dimension_order="NHWC", num_threads=1) as decoder:
            found = [oracle.digest(decoder[number]) for number in order]
        if truth is None:
            truth = oracle.repeated(path, found, *options)
        assert found == [truth[number] for number in order], (what, order)


@pytest.mark.parametrize("name", [*CLIPS, *FROM_START])
def test_damage_at_the_end_of_a_packet(tmp_path, name):
    options, counts = (CLIPS | FROM_START)[name]
    path = made(tmp_path, name, options)
    for count in counts:
        damaged = with_damage(path, 6, count)
        numbers = range(oracle.ask(damaged, "v:0").count)
        check_orders(damaged, [numbers, numbers[::-1], [6], [6, 2, 6]], count)


def test_damage_anywhere_in_chroma(tmp_path):
    """FFV1 of level 1 has no checksums, and its chroma comes last."""
    path = made(tmp_path, "ffv1.mkv", CLIPS["ffv1.mkv"][0])
    data = path.read_bytes()
    pos, size = packets(path)[6]
    compared = 0
    for seed in range(12):
        dice, changed = random.Random(seed), bytearray(data)
        place = dice.randrange(size // 2, size)
        for i in range(place, min(size, place + dice.choice([1, 4, 40]))):
            changed[pos + 4 + i] = dice.randrange(256)
        damaged = path.with_name(f"{seed}.mkv")
        damaged.write_bytes(changed)
        orders = [range(oracle.ask(damaged, "v:0").count), [6], [3, 6]]
        check_orders(damaged, orders, seed)
        compared += len(orders)
    assert compared == 36


@pytest.mark.parametrize("name", CLIPS)
def test_intact_pictures_are_not_damaged(tmp_path, name):
    path = made(tmp_path, name, CLIPS[name][0])
    with VideoDecoder(path, num_threads=1) as decoder:
        assert len(decoder[:]) == 12
        assert decoder.counters.frames_damaged == 0
        # a pass from the beginning would decode many again
        assert decoder.counters.frames_decoded < 18


def test_buffers_that_ffmpeg_keeps(tmp_path):
    """The rest of a JPEG-LS picture is what its buffer held.

    That is the frame before, if ffmpeg converts frames. If they pass through ffmpeg as they are, it
    keeps each one longer, and the rest is of the frame before that.
    """
    damaged = with_damage(made(tmp_path, "ls.mkv", "-c:v jpegls -pix_fmt rgb24"), 6, 2000)
    orders = [range(12), range(11, -1, -1), [6]]
    check_orders(damaged, orders, "jpegls", "-vf", "format=gbrp")


def with_bits(path, width, bits):
    """A copy of an AVI file whose header states another width and other bits per pixel."""
    data = bytearray(path.read_bytes())
    header = data.index(b"strf") + 8  # a BITMAPINFOHEADER
    data[header + 4 : header + 8] = width.to_bytes(4, "little")
    data[header + 14 : header + 16] = bits.to_bytes(2, "little")
    other = path.with_name(f"{width}_{bits}.avi")
    other.write_bytes(data)
    return other


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("wider", [1, 2, 3, 9])
def test_rows_that_a_raw_packet_does_not_hold(tmp_path, bits, wider):
    """They have the first colour. libavcodec leaves them unwritten, so that they would show what
    the process had there.
    """
    whole = 96 * 8 // bits  # the width of which the packets hold all rows
    path = with_bits(made(tmp_path, "few.avi", "-vf format=pal8 -c:v rawvideo"), wider * whole, bits)
    theirs = np.frombuffer(oracle.raw(path, "rgb24"), np.uint8).reshape(12, 64, wider * whole, 3)
    held = 64 // wider
    found = set()
    for filling in (b"\xab", b"\x35"):
        blocks = [filling * size for size in range(500, 200_000, 777)]
        del blocks  # the next pictures may lie in this memory
        with VideoDecoder(path, dimension_order="NHWC", on_error="mask", num_threads=1) as decoder:
            batch = decoder.get_frames_at([7, 0, 3])
            assert batch.valid.tolist() == [wider == 1] * 3
        with VideoDecoder(path, dimension_order="NHWC", num_threads=1) as decoder:
            frame = decoder[7].numpy()
        found.add(frame.tobytes())
        assert (frame[:held] == theirs[7, :held]).all()
        if wider > 1:
            assert (frame[held + 1 :] == frame[-1, -1]).all()
    assert len(found) == 1
