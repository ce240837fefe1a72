"""Compares the C API, through the extensions `frames` and `writer`, with Python and ffmpeg.

tests/api/test_cimport.py runs it in a process of its own. It prints the package's file, and the
name of each check that passed.
"""

import subprocess
import sys
from pathlib import Path

import frames
import numpy as np
import torch
import writer

import cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.transforms import Resize

FOLDER = Path(sys.argv[1])
CLIP = str(FOLDER / "clip.mp4")
EINVAL = -22


def make_clip():
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=3"]
    command += ["-f", "lavfi", "-i", "sine=r=16000:d=3", "-c:v", "libx264", "-g", "8", "-c:a", "alac", CLIP]
    subprocess.run(command, check=True)


def probed(stream):
    command = ["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "packet=pts,size"]
    done = subprocess.run([*command, "-of", "csv=p=0", CLIP], capture_output=True, text=True, check=True)
    return [tuple(int(n) for n in line.strip(",").split(",")) for line in done.stdout.split()]


def raises(kind, function, *arguments, **options):
    try:
        function(*arguments, **options)
    except kind as error:
        return str(error)
    raise AssertionError(f"{function} did not raise {kind}")


def check_streams():
    assert frames.streams(CLIP) == ([0, 1], 0)
    assert frames.streams_of_decoder(VideoDecoder(CLIP)) == 2
    assert "mp4" in frames.name_of_format(CLIP).split(",")


def check_packets():
    assert [p[1:] for p in frames.packets(CLIP, 0)] == probed("v:0")
    assert [p[1:] for p in frames.packets(CLIP, 1)] == probed("a:0")
    assert sorted(frames.packets(CLIP, -1)) == sorted(frames.packets(CLIP, 0) + frames.packets(CLIP, 1))


def check_memory():
    assert frames.packets_in_memory(Path(CLIP).read_bytes(), 0) == frames.packets(CLIP, 0)


def check_seek():
    packets = frames.packets(CLIP, 0)
    after = frames.packets_after(CLIP, 0, packets[20][1])
    assert after == packets[len(packets) - len(after) :]
    assert len(packets) > len(after) >= len(packets) - 20


def check_bad_sources():
    raises(FileNotFoundError, frames.packets, "nothing.mp4", 0)
    raises(ValueError, frames.packets_in_memory, b"no video at all, only text" * 9, 0)


def check_index():
    decoder = VideoDecoder(CLIP)
    batch = decoder.get_all_frames()
    pts, durations, numbers = zip(*frames.times(decoder), strict=True)
    np.testing.assert_allclose(pts, batch.pts_seconds)
    np.testing.assert_allclose(durations, batch.duration_seconds)
    assert list(numbers) == list(range(len(decoder)))


def check_pictures():
    order = [17, 2, 29, 0, 3]
    whole = VideoDecoder(CLIP, dimension_order="NHWC").get_frames_at(order).data
    found, height, width = frames.pictures(VideoDecoder(CLIP), order, (0, 64, 0, 96), (64, 96))
    assert (height, width) == (64, 96)
    assert b"".join(found) == whole.numpy().tobytes()
    part, *_ = frames.pictures(VideoDecoder(CLIP), order, (10, 30, 7, 50), (20, 43))
    assert b"".join(part) == whole[:, 10:30, 7:50].numpy().tobytes()
    planes, *_ = frames.pictures(VideoDecoder(CLIP), order, (0, 64, 0, 96), (64, 96), planar=True)
    assert b"".join(planes) == whole.permute(0, 3, 1, 2).contiguous().numpy().tobytes()


def check_resized_floats():
    small = VideoDecoder(CLIP, transforms=[Resize((30, 40))], dimension_order="NHWC")
    found, *_ = frames.pictures(VideoDecoder(CLIP), [5], (0, 64, 0, 96), (30, 40))
    assert found[0] == small[5].numpy().tobytes()
    exact = VideoDecoder(CLIP, output_dtype=torch.float32, dimension_order="NHWC")[5].numpy()
    floats, *_ = frames.pictures(VideoDecoder(CLIP), [5], (0, 64, 0, 96), (64, 96), frames.FLOAT32)
    np.testing.assert_array_equal(np.frombuffer(floats[0], np.float32).reshape(64, 96, 3), exact)
    half = VideoDecoder(CLIP, output_dtype=torch.float16, dimension_order="NHWC")[5].numpy()
    halves, *_ = frames.pictures(VideoDecoder(CLIP), [5], (0, 64, 0, 96), (64, 96), frames.FLOAT16)
    np.testing.assert_array_equal(np.frombuffer(halves[0], np.float16).reshape(64, 96, 3), half)


def check_bad_pictures():
    decoder = VideoDecoder(CLIP)
    for region in ((0, 65, 0, 96), (-1, 3, 0, 9), (5, 5, 0, 96)):
        assert "region" in raises(ValueError, frames.pictures, decoder, [0], region, (8, 8))
    for size in ((0, 8), (8, -1), (1 << 20, 8)):
        raises(ValueError, frames.pictures, decoder, [0], (0, 64, 0, 96), size)
    raises(ValueError, frames.pictures, decoder, [-1], (0, 64, 0, 96), (8, 8))
    raises(ValueError, frames.pictures, decoder, [30], (0, 64, 0, 96), (8, 8))
    decoder.close()
    raises(cycodec.ClosedError, frames.pictures, decoder, [0], (0, 64, 0, 96), (8, 8))
    raises(cycodec.ClosedError, frames.streams_of_decoder, decoder)


def check_samples():
    whole = AudioDecoder(CLIP).get_all_samples().data.numpy()
    for start, count in ((0, 48000), (12345, 1000), (47000, 5000), (60000, 10), (0, 0)):
        found, rate, channels, length = frames.samples(AudioDecoder(CLIP), start, count)
        assert (rate, channels, length) == (16000, *whole.shape)
        assert found == whole[:, start : start + count].tobytes()
    raises(ValueError, frames.samples, AudioDecoder(CLIP), -1, 10)
    decoder = AudioDecoder(CLIP)
    decoder.close()
    raises(cycodec.ClosedError, frames.samples, decoder, 0, 1)


def check_none():
    wrong = [name for name, is_right in frames.answers_for_none().items() if not is_right]
    assert wrong == []
    for kind in ("demuxer", "reader", "samples"):
        raises(TypeError, frames.check_none, kind)
    approximate = VideoDecoder(CLIP, seek_mode="approximate")
    assert frames.times(approximate) == []


def check_saved_index():
    path = FOLDER / "saved.index"
    VideoDecoder(CLIP).index.save(path)
    assert frames.times_of(cycodec.FrameIndex.load(path)) == frames.times(VideoDecoder(CLIP))
    raises(TypeError, frames.times_of, VideoDecoder(CLIP))


def check_gops():
    index = VideoDecoder(CLIP).index
    begins = index.key_frames.tolist()
    assert len(begins) > 1
    expected = [max(begin for begin in begins if begin <= number) for number in range(len(index))]
    assert frames.gop_begins(index) == (expected, -1, -1)


def check_kept_handles():
    video, audio = VideoDecoder(CLIP), AudioDecoder(CLIP)
    kept = frames.Kept(video, audio)
    kept.reach(3)
    video.close()
    audio.close()
    # a handle keeps what it needs, and a closed decoder gives no more handles
    kept.reach(20)
    kept.packet()
    kept.sample()
    raises(cycodec.ClosedError, frames.Kept, video, AudioDecoder(CLIP))
    raises(cycodec.ClosedError, frames.Kept, VideoDecoder(CLIP), audio)


def check_writing():
    path = FOLDER / "made.mkv"
    assert writer.write(str(path), 20, "ffv1") == EINVAL  # a picture after the end is refused
    video = VideoDecoder(path)
    reds = [float(frame[0].float().mean()) for frame in video]
    # ffv1 stores the pictures as YUV of 8 bits
    np.testing.assert_allclose(reds, [10 * n for n in range(20)], atol=2)
    assert video.metadata.average_fps == 10
    tone = AudioDecoder(path).get_all_samples().data[0].numpy()
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 8000)
    np.testing.assert_allclose(tone, expected, atol=1e-4)


def check_refused_writing():
    raises(LookupError, writer.write, str(FOLDER / "x.mkv"), 1, "no_such_codec")
    raises(FileNotFoundError, writer.write, str(FOLDER / "none" / "x.mkv"), 1, "ffv1")
    assert writer.swapped() == [EINVAL] * 6
    assert not (FOLDER / "x.mkv").exists()


def check_versions():
    built, running = writer.versions()
    assert built == running
    majors = [
        int(cycodec.ffmpeg_versions()[f"lib{n}"].split(".")[0]) for n in ("avutil", "avcodec", "avformat")
    ]
    writer.check(built, *majors)
    writer.check(built - 1, *majors)  # an older extension goes on
    assert "upgrade cycodec" in raises(ImportError, writer.check, built + 1, *majors)
    assert "libavcodec 1," in raises(ImportError, writer.check, built, majors[0], 1, majors[2])


if __name__ == "__main__":
    print(cycodec.__file__)
    make_clip()
    for name, check in sorted(globals().copy().items()):
        if name.startswith("check_"):
            check()
            print(name)
