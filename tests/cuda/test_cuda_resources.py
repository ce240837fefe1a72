"""``device="cuda"``: cached decoders, streams, threads, and the limits of the test double.

The tests run on tests/support/fake_cuda, A TEST DOUBLE of NVIDIA's driver, where there is no GPU:
see test_cuda.py.
"""

import ctypes
import gc
import subprocess
import threading

import media
import pytest
import torch
from cuda_streams import destroy_stream, in_context, new_stream
from on_gpu import both

from cycodec._shared import torch_adapter
from cycodec.cuda import decoder_cache, driver
from cycodec.decoders import (
    VideoDecoder,
    get_nvdec_cache_capacity,
    set_nvdec_cache_capacity,
)
from cycodec.transforms import Resize

# -- resources -------------------------------------------------------------------------------------


def test_decoders_are_used_again(fake):
    path = media.locate("h264_bt601.mp4")
    decoder_cache.empty_nvdec_cache()
    before = decoder_cache.nvdec_cache_stats()
    for _ in range(5):
        VideoDecoder(path, device="cuda")[0]
    after = decoder_cache.nvdec_cache_stats()
    assert after["created"] - before["created"] == 1
    assert after["hits"] - before["hits"] == 4
    assert after["idle"] == 1
    assert after["idle_bytes"] > 0
    decoder_cache.empty_nvdec_cache()
    assert decoder_cache.nvdec_cache_stats()["idle"] == 0
    assert fake.counts()["decoders"] == 0


def test_a_smaller_video_reconfigures_and_a_larger_one_does_not(fake):
    large, small = media.locate("h264_startpts_10s.mp4"), media.locate("h264_bt601.mp4")
    decoder_cache.empty_nvdec_cache()
    cpu = VideoDecoder(small)
    VideoDecoder(large, device="cuda")[0]
    before = decoder_cache.nvdec_cache_stats()
    assert torch.equal(VideoDecoder(small, device="cuda")[9], cpu[9])
    middle = decoder_cache.nvdec_cache_stats()
    assert middle["reconfigured"] - before["reconfigured"] == 1
    assert middle["created"] == before["created"]
    # the cache keeps the decoder's original size, so it serves the large video again
    assert torch.equal(VideoDecoder(large, device="cuda")[9], VideoDecoder(large)[9])
    after = decoder_cache.nvdec_cache_stats()
    assert after["created"] == before["created"]
    # a decoder created for the small video cannot serve the large one
    decoder_cache.empty_nvdec_cache()
    VideoDecoder(small, device="cuda")[0]
    VideoDecoder(large, device="cuda")[0]
    assert decoder_cache.nvdec_cache_stats()["created"] - after["created"] == 2


def test_what_is_shown_of_a_coded_size_is_not_cached(fake):
    """Two heights share one coded height (TorchCodec #1704)."""
    for height in (82, 84, 82):
        data = encode_size(128, height)
        cpu, cuda = both(data)
        assert cuda[:].shape == (4, 3, height, 128)
        assert torch.equal(cuda[:], cpu[:])


def encode_size(width, height):
    command = (
        f"ffmpeg -v error -f lavfi -i testsrc2=s={width}x{height}:d=0.16 -c:v libx264 -f matroska pipe:1"
    )
    return subprocess.run(command.split(), capture_output=True, check=True).stdout


def test_the_cache_has_limits(fake):
    path = media.locate("h264_bt601.mp4")
    assert get_nvdec_cache_capacity() == 20
    set_nvdec_cache_capacity(1)
    assert get_nvdec_cache_capacity() == 1
    decoders = [VideoDecoder(path, device="cuda") for _ in range(3)]
    for decoder in decoders:
        decoder[0]
    assert fake.counts()["decoders"] == 3
    for decoder in decoders:
        decoder.close()
    assert fake.counts()["decoders"] == 1
    set_nvdec_cache_capacity(0)
    assert fake.counts()["decoders"] == 0
    set_nvdec_cache_capacity(20, max_bytes=1000)
    VideoDecoder(path, device="cuda")[0]
    assert fake.counts()["decoders"] == 0
    for wrong in (-1, -5):
        with pytest.raises(ValueError, match="0 or more"):
            set_nvdec_cache_capacity(wrong)


def test_nothing_leaks(fake):
    path = media.locate("hevc_bframes_480p.mp4")
    for _ in range(20):
        decoder = VideoDecoder(path, device="cuda")
        decoder[[5, 1]]
        decoder.close()
    gc.collect()
    counts = fake.counts()
    assert counts["parsers"] == 0
    assert counts["mapped"] == 0
    assert counts["memory"] == 0
    assert counts["decoders"] == counts["events"] == 1  # the cached one


@pytest.mark.parametrize(
    "name", ["h264_bpyramid.mp4", "hevc_bframes_480p.mp4", "vp8_hidden_frames_480p.webm"]
)
def test_pictures_whose_surface_is_needed_again_are_saved(fake, name):
    """The parser may reuse a displayed surface immediately; here it always does."""
    path = media.locate(name)
    cpu = VideoDecoder(path)[:30]
    fake.set(greedy=1, log=1)
    assert torch.equal(VideoDecoder(path, device="cuda")[:30], cpu)
    assert not any("undecoded" in line for line in fake.log())


def test_a_second_stream_waits_for_the_memory_of_the_first(fake, monkeypatch):
    """A decoder has only one buffer for uploaded pictures and one for strips of resized ones."""
    streams = [0]
    monkeypatch.setattr(torch_adapter, "cuda_stream", lambda ordinal: streams[-1])
    path = media.locate("av1_1080x720.mp4")
    decoder = VideoDecoder(path, device="cuda", transforms=[Resize((60, 50))])
    fake.set(log=1)
    decoder[0]
    log = [line.split()[0] for line in fake.log()]
    assert "wait" not in log
    assert log[-1] == "record"
    stream = new_stream(fake)
    streams.append(stream.value)
    ours = decoder[1]
    log = [line.split()[0] for line in fake.log()]
    assert log.index("wait") < log.index("launch")
    assert log[-1] == "record"
    assert torch.equal(ours, VideoDecoder(path, transforms=[Resize((60, 50))])[1])
    decoder.close()
    destroy_stream(fake, stream)


def test_a_second_stream_waits_for_the_first(fake, monkeypatch):
    streams = [0]
    monkeypatch.setattr(torch_adapter, "cuda_stream", lambda ordinal: streams[-1])
    decoder = VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")
    fake.set(log=1)
    decoder[0:2]
    assert not any(line.startswith("wait") for line in fake.log())
    stream = new_stream(fake)
    streams.append(stream.value)
    decoder[2]
    log = [line for line in fake.log() if line.split()[0] in ("wait", "map", "launch", "record", "unmap")]
    number = log[0].split()[1]
    assert [line.split()[0] for line in log] == ["wait", "map", "launch", "record", "unmap"]
    assert number != "stream=0"
    assert all(number in line for line in log if line.split()[0] in ("launch", "record"))
    streams.pop()
    decoder[3]
    assert any(line.startswith("wait stream=0") for line in fake.log())
    destroy_stream(fake, stream)


def test_threads_that_never_touched_cuda(gpu):
    path = media.locate("h264_bt601.mp4")
    cpu = VideoDecoder(path)[:10]
    shared = VideoDecoder(path, device="cuda")
    results, errors = [], []

    def work(own):
        try:
            decoder = VideoDecoder(path, device="cuda") if own else shared
            results.append(decoder[:10].cpu())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(results) == 6
    assert all(torch.equal(result, cpu) for result in results)


def test_two_devices(fake):
    fake.set(devices=2)
    path = media.locate("h264_bt601.mp4")
    cpu = VideoDecoder(path)
    first, second = (VideoDecoder(path, device=f"cuda:{n}") for n in (0, 1))
    assert torch.equal(first[4], cpu[4])
    assert torch.equal(second[4], cpu[4])
    first.close()
    third = VideoDecoder(path, device="cuda:1")
    before = decoder_cache.nvdec_cache_stats()["hits"]
    assert torch.equal(third[4], cpu[4])
    assert decoder_cache.nvdec_cache_stats()["hits"] == before, "a decoder of another device was taken"


# -- the double ------------------------------------------------------------------------------------


def test_the_double_is_strict(fake):
    """The double refuses what the driver refuses; otherwise the other tests would prove less than
    they claim.
    """
    driver.device(0)
    address = ctypes.c_uint64()
    allocate = fake.cuda.cuMemAlloc_v2
    assert allocate(ctypes.byref(address), ctypes.c_size_t(16)) == 201, "no context is current"
    stream = new_stream(fake)
    with in_context(fake):
        assert allocate(ctypes.byref(address), ctypes.c_size_t(16)) == 0
        assert fake.counts()["memory"] == 1
        assert fake.counts()["bytes"] == 16
        fake.fail("cuMemAlloc", 2, 2)
        other = ctypes.c_uint64()
        assert [allocate(ctypes.byref(other), ctypes.c_size_t(1)) for _ in range(2)] == [0, 2], (
            "the second one fails"
        )
        for block in (other, address):
            assert fake.cuda.cuMemFree_v2(block) == 0
        assert fake.cuda.cuMemFree_v2(address) == 1, "it was given back before"
        assert fake.cuda.cuStreamSynchronize(stream) == 0
        assert fake.cuda.cuEventRecord(stream, None) == 400, "a stream is no event"
    destroy_stream(fake, stream)


def test_one_surface_is_mapped_at_a_time(fake):
    decoder = VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")
    fake.set(log=1)
    decoder[:6]
    log = [line.split()[0] for line in fake.log() if line.startswith(("map", "unmap"))]
    assert log == ["map", "unmap"] * 6
    assert fake.counts()["mapped"] == 0
