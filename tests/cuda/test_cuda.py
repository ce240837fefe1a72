"""``device="cuda"`` gives the same frames as the CPU.

Where there is no GPU these tests run on tests/support/fake_cuda, A TEST DOUBLE of NVIDIA's driver.
With CYCODEC_REAL_CUDA=1 they run on the GPU that torch sees (tools/gpu_check), and those that
control the double are skipped.
"""

import copy
import itertools
import pickle
import random
from dataclasses import dataclass
from pathlib import Path

import media
import numpy as np
import oracle
import pytest
import recipes
import torch
from colours import Colour
from on_gpu import REAL, assert_alike, assert_same_video, both, difference
from regions import boxes

from cycodec import CudaError, CudaUnavailableError, UnsupportedError
from cycodec.batch import decode_batch
from cycodec.cuda import decoder_cache
from cycodec.decoders import VideoDecoder, set_cuda_converter
from cycodec.samplers import clips_at_regular_indices
from cycodec.transforms import CenterCrop, Resize

# Files that a Hopper GPU decodes, and files that the CPU decodes for it.
ON_GPU = media.names("""
    h264_bench_bbb_360p24_60s_bframes.mp4 h264_bt601.mp4 h264_fmp4_fullrange_320x240.mp4 h264_hls_segment_720p.ts
    h264_rot90_720p_bbb.mp4 h264_rotate_and_reflect.mp4 h264_srt_subtitles.mkv h264_start1.4s.ts h264_startpts_10s.mp4
    h264_vfr_rot180_camera.mp4 hevc_bframes_480p.mp4 hevc_hlg10_1080p.mp4 hevc_444_10bit_odd_321x241.mp4
    mpeg1_mp2_ps.mpg mpeg2_not_seekable.ts mpeg2_odd_121x81.mp4 mpeg4_720p.avi mpeg4_asp_packed_bframes.avi
    vp8_hidden_frames_480p.webm vp9_alpha_200x200.webm vp9_bbb_180p_10s.webm vp9_odd_321x241.mp4
    h264_bpyramid.mp4 h264_open_gop.mp4 h264_open_gop.ts vp8_hidden.webm vfr_jitter.mp4 mpeg2.mp4 mpeg4_bframes.avi
    hevc_sublayers.mp4 vp9_10bit_160x144.webm vp9_10bit_160x144.mp4 h264_mbaff.mp4 mpeg2_interlaced.ts
""")
ON_CPU = {
    "av1_1080x720.mp4": "this GPU does not decode av1 yuv420p",
    "h264_444_720p_cockatoo.mp4": "this GPU does not decode h264 yuv444p",
    "prores_422_320x240.mov": "NVDEC does not know prores",
    "png_alpha.png": "NVDEC does not know png",
    "vp9_hidden.webm": "less than the 128x128",
}


# -- what comes out --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ON_GPU)
def test_frames_of_the_gpu_are_those_of_the_cpu(gpu, name):
    cpu, cuda = both(media.locate(name))
    assert not cuda.cpu_fallback, str(cuda.cpu_fallback)
    count = min(len(cpu), 30)
    assert len(cuda) == len(cpu)
    assert_same_video(name, cuda[:count], cpu[:count])
    shuffled = random.Random(name).sample(range(len(cpu)), min(len(cpu), 6))
    for keys in (shuffled, [len(cpu) - 1, 0, len(cpu) - 1], list(range(count - 1, -1, -5))):
        assert_same_video(name, cuda[keys], cpu[keys])


@pytest.mark.parametrize("name", ON_CPU)
def test_what_the_gpu_does_not_decode_the_cpu_decodes(gpu, name):
    cpu, cuda = both(media.locate(name))
    if REAL and not cuda.cpu_fallback:
        pytest.skip("this GPU decodes it")
    assert cuda.cpu_fallback
    assert ON_CPU[name] in str(cuda.cpu_fallback)
    assert cuda.cpu_fallback.status_known
    count = min(len(cpu), 20)
    assert_alike(cuda[:count], cpu[:count])


@pytest.mark.parametrize("name", ["av1_1080x720.mp4", "png_alpha.png"])
def test_fallback_can_be_refused(fake, name):
    with pytest.raises(UnsupportedError, match=r"fallback='raise'") as caught:
        VideoDecoder(media.locate(name), device="cuda", fallback="raise")
    assert name in str(caught.value)
    with pytest.raises(ValueError, match="fallback must be one of"):
        VideoDecoder(media.locate(name), device="cuda", fallback="gpu")


@pytest.mark.parametrize("name", ["av1_1080x720.mp4", "av1_hdr10_portrait.mp4"])
def test_av1_on_a_gpu_that_decodes_it(fake, name):
    fake.set(av1=1)
    cpu, cuda = both(media.locate(name))
    assert not cuda.cpu_fallback
    assert_alike(cuda[:30], cpu[:30])
    assert_alike(cuda[[20, 3, 11]], cpu[[20, 3, 11]])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("h264_bt601.mp4", {"dimension_order": "NHWC"}),
        ("h264_bt601.mp4", {"memory_order": "NCHW"}),
        (
            "h264_bt601.mp4",
            {"memory_order": "NCHW", "transforms": [CenterCrop((101, 121)), Resize((60, 50))]},
        ),
        ("h264_rot90_720p_bbb.mp4", {"memory_order": "NCHW", "output_dtype": torch.float32}),
        ("hevc_hlg10_1080p.mp4", {"memory_order": "NCHW", "output_dtype": torch.float16}),
        ("png_alpha.png", {"memory_order": "NCHW"}),
        ("h264_bt601.mp4", {"transforms": [CenterCrop((100, 120))]}),
        ("h264_bt601.mp4", {"transforms": [CenterCrop((101, 121)), Resize((60, 50))]}),
        ("h264_rot90_720p_bbb.mp4", {"transforms": [Resize(128)]}),
        ("h264_bt601.mp4", {"seek_mode": "approximate"}),
        ("h264_bt601.mp4", {"num_threads": 3}),
        ("vp9_bbb_180p_10s.webm", {"output_dtype": torch.float32}),
        ("vp9_bbb_180p_10s.webm", {"output_dtype": torch.float16}),
        ("hevc_hlg10_1080p.mp4", {"output_dtype": torch.float16, "transforms": [Resize((90, 160))]}),
        ("hevc_hlg10_1080p.mp4", {"output_dtype": "auto"}),
    ],
    ids=str,
)
def test_every_option_works_as_on_the_cpu(gpu, name, options):
    cpu, cuda = both(media.locate(name), **options)
    keys = [0, 8, 4, 4] if len(cpu) > 8 else [0, 0]
    ours, theirs = cuda[keys], cpu[keys]
    assert ours.stride() == theirs.stride()
    ours = ours.cpu()
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    if ours.dtype != torch.uint8 and "transforms" in options:
        # float16 has 11 bits, and may round the other way
        assert (ours.float() - theirs.float()).abs().max() < (1e-4 if ours.dtype == torch.float32 else 1e-3)
    else:
        assert torch.equal(ours, theirs)


def test_regions_and_times_are_those_of_the_cpu(gpu):
    cpu, cuda = both(media.locate("h264_vfr_rot180_camera.mp4"))
    assert torch.equal(cuda[3:9:2, :, 100:203, 51:200].cpu(), cpu[3:9:2, :, 100:203, 51:200])
    assert torch.equal(cuda[[4, 2], 1].cpu(), cpu[[4, 2], 1])
    end = cpu.metadata.end_stream_seconds
    for fps in (None, 10):
        ours = cuda.get_frames_played_in_range(0.1, end / 2, fps=fps)
        theirs = cpu.get_frames_played_in_range(0.1, end / 2, fps=fps)
        assert torch.equal(ours.data.cpu(), theirs.data)
        assert torch.equal(ours.pts_seconds, theirs.pts_seconds)
        assert torch.equal(ours.duration_seconds, theirs.duration_seconds)
    assert torch.equal(cuda.t[0.3].cpu(), cpu.t[0.3])
    assert cuda.metadata == cpu.metadata


@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize("subsampling", ["420", "444"])
@pytest.mark.parametrize("span", ["tv", "pc"])
@pytest.mark.parametrize("matrix", ["smpte170m", "bt709", "bt2020nc", "unspecified"])
def test_colours_of_every_matrix_range_and_depth(gpu, matrix, span, subsampling, depth):
    kind = Colour(matrix, span, subsampling, depth)
    data = kind.encode()
    cpu, cuda = both(data)  # the CPU decodes FFV1, and the same kernel converts
    assert_alike(cuda[:], cpu[:])
    reference = torch.from_numpy(oracle.floats(data, *cpu[0].shape[1:])).permute(0, 3, 1, 2)
    for dtype in (torch.float32, torch.float16):
        floats = VideoDecoder(data, device="cuda", output_dtype=dtype)[:]
        assert torch.equal(floats.cpu(), reference.to(dtype))


@dataclass(frozen=True)
class Harsh(Colour):
    """Noise over all codes, and of the lowest and highest codes alone: chroma overshoots, sums
    overflow.
    """

    def planes(self, width, height):
        rng = np.random.default_rng(5)
        step = 2 if self.subsampling == "420" else 1
        shapes = [(height, width)] + [(-(-height // step), -(-width // step))] * 2
        top = 2**self.depth - 1
        codes = (range(top + 1), (0, top), (0, 1, top - 1, top))
        return [[rng.choice(np.array(some), shape).astype(self.dtype) for shape in shapes] for some in codes]


KINDS = [
    Harsh(*kind, "420", depth)
    for *kind, depth in itertools.product(
        ("smpte170m", "bt709", "bt2020nc", "unspecified"), ("tv", "pc"), (8, 9, 10, 12, 14)
    )
]


def check_floats(data):
    """Asserts that the floats of the GPU are those of the CPU."""
    cpu, cuda = both(data, output_dtype=torch.float32)
    assert torch.equal(cuda[:].cpu(), cpu[:])


@pytest.mark.parametrize("kind", [Harsh(k.matrix, k.range, "444", k.depth) for k in KINDS], ids=str)
def test_444_is_the_cpus_for_all_colours(gpu, kind):
    """The colours include some far outside the gamut, where swscale's sums overflow."""
    for size in ((66, 50), (65, 49), (1, 1), (2, 3)):
        data = kind.encode(*size)
        cpu, cuda = both(data)
        assert cpu.metadata.pixel_format == kind.pixels
        assert_alike(cuda[:], cpu[:])
        check_floats(data)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_420_is_the_cpus_for_all_colours(gpu, kind):
    """swscale has a path of its own for each parity of width and height."""
    for size in ((66, 50), (65, 50), (66, 49), (65, 49)):
        data = kind.encode(*size)
        cpu, cuda = both(data)
        assert cpu.metadata.pixel_format == kind.pixels
        assert_alike(cuda[:], cpu[:])
        check_floats(data)


@pytest.mark.parametrize("length", range(1, 42))
def test_420_is_the_cpus_at_every_size(gpu, length):
    """The weights of chroma (csrc/kernels/sws_filter.c) differ for each size, most of all for small
    ones.
    """
    kinds = itertools.islice(itertools.cycle(KINDS), length, None)
    for size in {(length, 42 - length), (length, 7 * length % 41 + 1), (2 * length + 41, length)}:
        for kind in (next(kinds), Harsh("bt709", "tv", "420", 10)):
            data = kind.encode(*size)
            cpu, cuda = both(data)
            assert_alike(cuda[:], cpu[:])
            check_floats(data)


@pytest.mark.parametrize("size", [(1081, 35), (35, 1081), (1280, 721), (1279, 719)], ids=str)
@pytest.mark.parametrize("depth", [8, 10])
def test_420_is_the_cpus_where_it_is_large(gpu, size, depth):
    """swscale rounds the step from pixel to pixel, and the error adds up."""
    data = Harsh("bt2020nc", "tv", "420", depth).encode(*size)
    cpu, cuda = both(data)
    assert_alike(cuda[:], cpu[:])
    check_floats(data)


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("size", [(66, 50), (65, 50), (66, 49), (65, 49)], ids=str)
def test_regions_of_420_are_cuts_of_the_whole(gpu, size, depth):
    width, height = size
    cpu, cuda = both(Harsh("bt709", "tv", "420", depth).encode(*size))
    whole = cpu[0]
    for y0, y1, x0, x1 in boxes(height, width, 14, str(size)):
        assert torch.equal(cuda[0, :, y0:y1, x0:x1].cpu(), whole[:, y0:y1, x0:x1]), (y0, y1, x0, x1)


@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("orientation", media.ORIENTATIONS)
def test_turned_420_is_the_cpus(gpu, tmp_path, orientation, depth):
    """The CPU turns planes before it converts, so the shown picture decides the chroma of a pixel
    and its weight.
    """
    for size in ((66, 50), (65, 50), (66, 49), (65, 49), (7, 3)):
        path = tmp_path / f"{size}.mov"
        data = Harsh("bt709", "tv", "420", depth).encode(*size)
        recipes.run("-i", "pipe:0", "-c", "copy", "-f", "mov", path, stdin=data)
        data = media.with_matrix(*media.ORIENTATIONS[orientation])(path)
        cpu, cuda = both(data)
        assert_alike(cuda[:], cpu[:])
        assert torch.equal(cuda[0, :, 1:3, 2:].cpu(), cpu[0, :, 1:3, 2:])
        cpu, cuda = both(data, output_dtype=torch.float32)
        assert torch.equal(cuda[:].cpu(), cpu[:])
        assert torch.equal(cuda[0, :, 1:3, 2:].cpu(), cpu[0, :, 1:3, 2:])


def test_cropped_420_is_the_cpus(gpu):
    """The upper edge of chroma is that of the picture, not that of the surface."""
    if gpu is not None:  # the test has to tell the double
        gpu.set(left=32, top=6)
    cpu, cuda = both(media.locate("hevc_10bit_cropped_all_round.mp4"))
    assert not cuda.cpu_fallback, str(cuda.cpu_fallback)
    assert cpu[0].shape == (3, 160, 170)
    assert_alike(cuda[:], cpu[:])
    assert torch.equal(cuda[1, :, 3:, 5:].cpu(), cpu[1, :, 3:, 5:])


def test_420_of_changing_size_is_the_cpus(gpu):
    """The converter computes the weights again each time."""
    path = media.locate("h264_10bit_changing.h264")
    cpu, cuda = both(path)
    assert len(cpu) == 15
    frames = cuda[:].cpu()
    first = [0, 1, 2, 6, 7, 8, 12, 13, 14]
    assert_alike(frames[first], cpu[first])
    for i in (3, 9):  # frames of another size are scaled to the first: the CPU scales YUV, the GPU RGB
        assert torch.equal(frames[i], VideoDecoder(path, device="cuda")[i].cpu())


def test_grey_h264(gpu):
    """FFmpeg reports grey H.264 as 4:2:0, and a GPU refuses it only when it creates the decoder."""
    cpu, cuda = both(media.locate("h264_gray.mkv"))
    if gpu is not None:
        gpu.fail("cuvidCreateDecoder", 1, 801)
    assert torch.equal(cuda[:].cpu(), cpu[:])
    assert "CUDA_ERROR_NOT_SUPPORTED" in str(cuda.cpu_fallback)
    assert torch.equal(cuda[3].cpu(), cpu[3])
    if gpu is not None:
        gpu.fail("cuvidCreateDecoder", 1, 801)
    with pytest.raises(UnsupportedError, match=r"does not decode it.*leave fallback='raise' out"):
        VideoDecoder(media.locate("h264_gray.mkv"), device="cuda", fallback="raise")[0]


@pytest.mark.parametrize("subsampling", ["420", "422", "444"])
def test_sixteen_bits(gpu, subsampling):
    """The CPU converts and uploads the formats for which the GPU has no copy of swscale's
    arithmetic.
    """
    cpu, cuda = both(Colour("bt709", "tv", subsampling, 16).encode())
    assert_alike(cuda[:], cpu[:])


@pytest.mark.parametrize("span", ["tv", "pc"])
def test_white_is_white_and_black_is_black(gpu, span):
    white, black = (235, 16) if span == "tv" else (255, 0)

    class Flat(Colour):
        def planes(self, width=64, height=64):
            grey = np.full((32, 32), 128, np.uint8)
            return [[np.full((64, 64), level, np.uint8), grey, grey] for level in (white, black)]

    frames = VideoDecoder(Flat("bt709", span, "420", 8).encode(64, 64), device="cuda")[:]
    assert frames[0].unique().tolist() == [255]
    assert frames[1].unique().tolist() == [0]


def test_a_change_of_size_in_the_middle(gpu):
    cpu, cuda = both(media.locate("h264_resolution_change.h264"))
    keys = [0, len(cpu) - 1, len(cpu) // 2, 1]
    assert cuda[keys].shape == cpu[keys].shape
    assert difference(cuda[keys], cpu[keys])[1] < 2  # the CPU scales YUV, the GPU RGB
    assert torch.equal(cuda[:40].cpu(), cpu[:40])
    if not REAL:
        stats = decoder_cache.nvdec_cache_stats()
        assert stats["created"] > 0


def test_samplers_and_batches(gpu):
    path = media.locate("h264_bt601.mp4")
    cpu, cuda = both(path)
    ours = clips_at_regular_indices(cuda, num_clips=3, num_frames_per_clip=2)
    theirs = clips_at_regular_indices(cpu, num_clips=3, num_frames_per_clip=2)
    assert torch.equal(ours.data.cpu(), theirs.data)
    results = decode_batch([(cuda, [1, 2]), (cuda, [5])])
    assert torch.equal(results[1].data.cpu(), cpu[[5]])


def test_pickles_and_copies(gpu):
    cpu, cuda = both(media.locate("h264_bt601.mp4"))
    for twin in (pickle.loads(pickle.dumps(cuda)), copy.copy(cuda)):
        assert torch.equal(twin[7].cpu(), cpu[7])


def test_every_kind_of_source(gpu):
    path = Path(media.locate("h264_bt601.mp4"))
    data = path.read_bytes()
    with open(path, "rb") as file:
        for source in (str(path), data, torch.frombuffer(bytearray(data), dtype=torch.uint8), file):
            cpu = VideoDecoder(path)
            assert torch.equal(VideoDecoder(source, device="cuda")[[3, 0]].cpu(), cpu[[3, 0]])


def test_confirming_keeps_the_cpu_as_reference(gpu):
    for name, right in (("h264_bt601.mp4", True), ("h264_dead_frame.mp4", False)):
        cpu, cuda = both(media.locate(name))
        assert cuda.confirm() is right
        assert cpu.confirm() is right
        assert len(cuda) == len(cpu)
        assert torch.equal(cuda[5].cpu(), cpu[5])


def cuda_major():
    """Returns the CUDA version of the NVRTC in use, which NPP must have too."""
    from cuda.bindings import nvrtc

    return nvrtc.nvrtcVersion()[1]


@pytest.mark.parametrize(
    "name", ["h264_bt601.mp4", "h264_fmp4_fullrange_320x240.mp4", "h264_startpts_10s.mp4"]
)
def test_npp_is_within_two_levels(gpu, name):
    """NPP is NVIDIA's own on a GPU, where tools/gpu_carry brings it."""
    if gpu is not None:
        gpu.load_npp(cuda_major())
    path = media.locate(name)
    with set_cuda_converter("npp"):
        cuda = VideoDecoder(path, device="cuda")
    apart, mean = difference(cuda[:20], VideoDecoder(path)[:20])
    assert apart <= 2
    assert mean < 0.75


@pytest.mark.parametrize(
    "name", ["h264_bt601.mp4", "h264_fmp4_fullrange_320x240.mp4", "h264_startpts_10s.mp4"]
)
def test_npp_converts_what_it_can(fake, name):
    fake.load_npp(cuda_major())
    path = media.locate(name)
    cpu = VideoDecoder(path)
    with set_cuda_converter("npp"):
        cuda = VideoDecoder(path, device="cuda")
        planes = VideoDecoder(path, device="cuda", memory_order="NCHW")
        turned = VideoDecoder(media.locate("h264_rot90_720p_bbb.mp4"), device="cuda")
        odd = VideoDecoder(media.locate("mpeg2_odd_121x81.mp4"), device="cuda")
    fake.set(log=1)
    assert difference(cuda[:5], cpu[:5])[0] <= 2
    region = (slice(2, 4), slice(None), slice(20, 60), slice(30, 90))
    assert difference(cuda[region], cpu[region])[0] <= 2
    log = fake.log()
    assert sum(line.startswith("npp") for line in log) == 7
    assert not any(line.startswith("launch") for line in log)
    # the kernel converts odd places and heights, planes, and turned pictures
    assert torch.equal(cuda[0, :, 21:60], cpu[0, :, 21:60])
    turned[0]
    assert torch.equal(planes[1], cpu[1])
    region = (0, slice(None), slice(80), slice(120))
    assert torch.equal(odd[region], VideoDecoder(media.locate("mpeg2_odd_121x81.mp4"))[region])
    log = fake.log()
    assert not any(line.startswith("npp") for line in log)
    assert sum(line.startswith("launch convert_picture") for line in log) == 4
    assert torch.equal(VideoDecoder(path, device="cuda")[3], cpu[3]), "the choice ends with its block"


@pytest.mark.parametrize("adds_first", [0, 1])
def test_the_twist_is_what_each_npp_means_by_it(fake, monkeypatch, adds_first):
    """See Note [What a twist is] in csrc/nvidia/nvconvert.c."""
    fake.load_npp(cuda_major())
    fake.set(adds_first=adds_first)
    for name in ("h264_bt601.mp4", "h264_fmp4_fullrange_320x240.mp4"):
        cpu = VideoDecoder(media.locate(name))
        with set_cuda_converter("npp"):
            cuda = VideoDecoder(media.locate(name), device="cuda")
        assert difference(cuda[:3], cpu[:3])[0] <= 2


def test_an_npp_that_does_neither(fake):
    fake.load_npp(cuda_major())
    fake.fail("npp", 1, 999)
    with (
        set_cuda_converter("npp"),
        pytest.raises(CudaUnavailableError, match=r"NppStatus -999.*leave set_cuda"),
    ):
        VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")
    assert VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")[0].shape == (3, 240, 360)


@pytest.mark.parametrize("matrix", ["smpte170m", "bt709", "bt2020nc"])
@pytest.mark.parametrize("span", ["tv", "pc"])
def test_npp_is_within_two_levels_for_all_colours(fake, matrix, span):
    """Returns lossless H.264, which a GPU does not decode."""
    fake.load_npp(cuda_major())
    white, black = (235, 16) if span == "tv" else (255, 0)

    class WithFlat(Harsh):
        def planes(self, width, height):
            grey = np.full((height // 2, width // 2), 128, np.uint8)
            flat = [[np.full((height, width), level, np.uint8), grey, grey] for level in (white, black)]
            return [*flat, *super().planes(width, height)]

    lossless = ["-c:v", "libx264", "-qp", "0", "-f", "matroska", "pipe:1"]
    raw = WithFlat(matrix, span, "420", 8).encode(640, 480)
    data = recipes.run("-i", "pipe:0", *lossless, stdin=raw).stdout
    cpu = VideoDecoder(data)
    with set_cuda_converter("npp"):
        cuda = VideoDecoder(data, device="cuda")
    fake.set(log=1)
    ours = cuda[:]
    assert sum(line.startswith("npp") for line in fake.log()) == 5
    assert ours[0].unique().tolist() == [255]
    assert ours[1].unique().tolist() == [0]
    assert difference(ours, cpu[:])[0] == 2


def test_npp_that_fails(fake):
    fake.load_npp(cuda_major())
    with set_cuda_converter("npp"):
        decoder = VideoDecoder(media.locate("h264_bt601.mp4"), device="cuda")
    fake.fail("npp", 1, 999)
    with pytest.raises(CudaError, match="NPP cannot convert a picture: NppStatus -999"):
        decoder[0]
    assert decoder[0].shape == (3, 240, 360)
    with pytest.raises(ValueError, match="converter must be"), set_cuda_converter("swscale"):
        pass
