"""Transforms: sizes, the place of crops, the conversion of torchvision's classes, and resampled
pixels.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from enum import Enum

import media
import numpy as np
import pytest
import recipes
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from resizing import apply, resize_bilinear

from cycodec.decoders import VideoDecoder
from cycodec.transforms import (
    CenterCrop,
    Crop,
    DecoderTransform,
    Pipeline,
    RandomCrop,
    Resize,
    Scale,
    as_transforms,
    resolve,
)

ALL = [Resize, CenterCrop, RandomCrop]


def frames(count=2, height=24, width=32):
    random = torch.Generator().manual_seed(count * 1000 + height)
    return torch.randint(0, 256, (count, height, width, 3), generator=random, dtype=torch.uint8)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Makes lossless video files of pictures."""

    def make(pictures):
        height, width = pictures.shape[1:3]
        path = tmp_path_factory.mktemp("pictures") / "raw.nut"
        raw = ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}", "-i", "-"]
        recipes.run(*raw, "-c:v", "rawvideo", path, stdin=pictures.numpy().tobytes())
        assert torch.equal(VideoDecoder(path, dimension_order="NHWC")[:], pictures)
        return path

    return make


@pytest.fixture(scope="module")
def small(store):
    """A file of `frames()`."""
    return store(frames())


def transformed(path, transforms, **options):
    """All frames, [N, H, W, C]."""
    with VideoDecoder(path, transforms=transforms, dimension_order="NHWC", **options) as decoder:
        return decoder[:]


# --- Sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "frame", "expected"),
    [
        ((10, 20), (240, 360), (10, 20)),
        (100, (240, 360), (100, 150)),
        (100, (360, 240), (150, 100)),
        ([100], (240, 360), (100, 150)),
        (256, (720, 1280), (256, 455)),  # 455.1
        (256, (1080, 1920), (256, 455)),
        (224, (480, 854), (224, 398)),  # 398.5
        (224, (100, 100), (224, 224)),
        (1, (100, 101), (1, 1)),
    ],
)
def test_resize_sizes(size, frame, expected):
    assert Resize(size).resolve(*frame) == Scale(*expected)
    pipeline = resolve([Resize(size)], *frame)
    assert (pipeline.height, pipeline.width) == expected
    assert pipeline.region is None


@pytest.mark.parametrize(
    ("size", "frame", "expected"),
    [
        ((10, 20), (240, 360), Crop(115, 170, 10, 20)),
        (11, (240, 360), Crop(114, 174, 11, 11)),  # 114.5, 174.5: halves are rounded to even
        ((237, 357), (240, 360), Crop(2, 2, 237, 357)),  # 1.5
        ((239, 355), (240, 360), Crop(0, 2, 239, 355)),  # 0.5, 2.5
        ((233, 358), (240, 360), Crop(4, 1, 233, 358)),  # 3.5
        ((240, 360), (240, 360), Crop(0, 0, 240, 360)),
    ],
)
def test_center_crop_places(size, frame, expected):
    assert CenterCrop(size).resolve(*frame) == expected


def test_random_crop_places_are_those_of_the_global_generator():
    torch.manual_seed(0)
    assert RandomCrop((10, 10)).resolve(240, 360) == Crop(
        32, 171, 10, 10
    )  # TorchCodec gives the same for this seed
    places = {RandomCrop((22, 30)).resolve(24, 32)[:2] for _ in range(300)}
    assert places == {(top, left) for top in range(3) for left in range(3)}
    assert RandomCrop(24).resolve(24, 24) == Crop(0, 0, 24, 24)


@pytest.mark.parametrize("crop", [CenterCrop, RandomCrop])
@pytest.mark.parametrize("size", [(25, 10), (10, 33), 30])
def test_crop_larger_than_the_frames(crop, size):
    with pytest.raises(ValueError, match=r"Crop\(size=\(\d+, \d+\)\) does not fit into frames of 24x32"):
        resolve([crop(size)], 24, 32)


@pytest.mark.parametrize("transform", ALL)
def test_size_in_every_form(transform):
    for size in [(10, 20), [10, 20], np.array([10, 20]).tolist(), torch.Size([10, 20]), (np.int64(10), 20)]:
        assert transform(size).size == (10, 20)
    assert transform(size=(10, 20)) == transform((10, 20)) != transform((10, 21))
    assert repr(transform((10, 20))) == f"{transform.__name__}(size=(10, 20))"
    assert pickle.loads(pickle.dumps(transform((10, 20)))) == transform((10, 20))
    assert transform(10) == transform([10])
    assert isinstance(transform(10), DecoderTransform)


@pytest.mark.parametrize("transform", ALL)
@pytest.mark.parametrize("size", [(1, 2, 3), (), 0, -1, (0, 10), (10, -1)], ids=repr)
def test_sizes_that_are_refused(transform, size):
    with pytest.raises(ValueError, match=f"{transform.__name__} takes a positive size"):
        transform(size)


@pytest.mark.parametrize("transform", ALL)
@pytest.mark.parametrize("size", [None, "10", b"10", 1.5, (10.0, 10), True, (True, 10), {10, 20}], ids=repr)
def test_sizes_of_a_wrong_type(transform, size):
    with pytest.raises(TypeError, match=f"{transform.__name__} takes a size of"):
        transform(size)


# --- Pipelines ------------------------------------------------------------------------------------


def test_nothing_to_do():
    for transforms in [[], [Resize((24, 32))], [CenterCrop((24, 32)), RandomCrop((24, 32))]]:
        pipeline = resolve(transforms, 24, 32)
        assert pipeline == Pipeline(None, (), 24, 32)
        assert pipeline.stages((2, 9, 3, 5)) == ()


def test_first_crops_are_the_region():
    pipeline = resolve([CenterCrop((20, 20)), CenterCrop((10, 6)), Resize((5, 3))], 24, 32)
    assert pipeline == Pipeline((7, 17, 13, 19), (Scale(5, 3),), 5, 3)
    assert resolve([CenterCrop((20, 20))], 24, 32) == Pipeline((2, 22, 6, 26), (), 20, 20)


def test_crops_behind_a_resize_are_one_step():
    pipeline = resolve([Resize(12), CenterCrop((10, 10)), CenterCrop((4, 6)), Resize((4, 6))], 24, 32)
    assert pipeline == Pipeline(None, (Scale(12, 16), Crop(4, 5, 4, 6)), 4, 6)


def test_crop_must_fit_what_is_left():
    with pytest.raises(ValueError, match=r"RandomCrop\(size=\(13, 5\)\) does not fit into frames of 12x16"):
        resolve([Resize(12), RandomCrop((13, 5))], 24, 32)


def test_frames_larger_than_any_decoders():
    assert resolve([Resize((1 << 14, 1 << 14))], 24, 32).width == 1 << 14
    with pytest.raises(
        ValueError, match=r"Resize\(size=\(16384, 16385\)\) gives .* more than 2\*\*28 pixels"
    ):
        resolve([Resize((1 << 14, (1 << 14) + 1))], 24, 32)


def test_random_crop_is_drawn_once():
    pipeline = resolve([RandomCrop((10, 10))], 240, 360)
    assert pipeline.region == pipeline.region
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline


class At(DecoderTransform):
    """Turns a fixed step into a transform."""

    def __init__(self, step):
        self.step = step

    def resolve(self, height, width):
        return self.step


@st.composite
def steps(draw):
    """Draws steps that fit one after the other into 24x32 frames."""
    height, width, chosen = 24, 32, []
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            step = Scale(draw(st.integers(1, 40)), draw(st.integers(1, 40)))
        else:
            inner = draw(st.integers(1, height)), draw(st.integers(1, width))
            step = Crop(
                draw(st.integers(0, height - inner[0])), draw(st.integers(0, width - inner[1])), *inner
            )
        chosen.append(step)
        height, width = step.height, step.width
    return chosen


@settings(deadline=None)  # a loaded machine makes any example slow
@given(steps(), st.integers(0, 2**30))
def test_pipeline_equals_the_steps_one_by_one(small, chosen, place):
    expected = frames()
    for step in chosen:
        if isinstance(step, Scale):
            expected = resize_bilinear(expected, *step)
        else:
            expected = expected[:, step.top :, step.left :][:, : step.height, : step.width]
    transforms = [At(step) for step in chosen]
    pipeline = resolve(transforms, 24, 32)
    assert not pipeline.steps or not isinstance(pipeline.steps[0], Crop)
    y0, y1, x0, x1 = pipeline.region or (0, 24, 0, 32)
    result = apply(pipeline, frames()[:, y0:y1, x0:x1].contiguous())
    assert result.shape == (2, pipeline.height, pipeline.width, 3)
    assert torch.equal(result, expected)
    assert torch.equal(transformed(small, transforms), expected)
    y, x = place % pipeline.height, place // 64 % pipeline.width
    with VideoDecoder(small, transforms=transforms, dimension_order="NHWC") as decoder:
        assert torch.equal(decoder[:, y:, : x + 1], expected[:, y:, : x + 1])
        assert torch.equal(decoder[1, y, x], expected[1, y, x])


# --- Resampling -----------------------------------------------------------------------------------


def resampling_matrix(source: int, target: int) -> np.ndarray:
    """Resamples one axis by the definition of antialiased bilinear: a triangle as wide as a target
    pixel.
    """
    scale = source / target
    centers = (np.arange(target) + 0.5) * scale
    distances = (np.arange(source) + 0.5 - centers[:, None]) / max(scale, 1.0)
    weights = np.maximum(1 - np.abs(distances), 0)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16])
@pytest.mark.parametrize("size", [(12, 16), (7, 45), (50, 9), (24, 31), (1, 1), (48, 64)])
def test_resize_is_antialiased_bilinear(small, size, dtype):
    data = transformed(small, [], output_dtype=torch.uint8 if dtype is torch.uint8 else torch.float32)
    result = transformed(small, [Resize(size)], output_dtype=dtype)
    rows, columns = resampling_matrix(24, size[0]), resampling_matrix(32, size[1])
    expected = np.einsum("yh,xw,nhwc->nyxc", rows, columns, data.double().numpy())
    assert result.dtype is dtype
    assert tuple(result.shape) == expected.shape
    if dtype is torch.uint8:
        error = np.abs(result.numpy() - np.round(expected))
        assert error.max() <= 1
        assert error.mean() < 0.3
    else:
        assert np.abs(result.numpy() - expected).max() < (1e-5 if dtype is torch.float32 else 5e-4)


def test_resize_of_no_frames(small):
    with VideoDecoder(small, transforms=[Resize((6, 5)), CenterCrop(4)], dimension_order="NHWC") as decoder:
        result = decoder[[]]
        assert result.shape == (0, 4, 4, 3)
        assert result.dtype is torch.uint8
        assert decoder[:, 1:1].shape == (2, 0, 4, 3)


REAL_FRAMES = [
    "h264_plain.mp4",
    "h264_10bit.mp4",
    "h264_444.mp4",
    "h264_full_range.mp4",
    "vp9_odd_121x81.webm",
    "ffv1_yuv410p.mkv",
    "ffv1_tiny_1x1.mkv",
    "raw_pal8.nut",
    "rot90.mp4",
    "rot180.mp4",
    "resolution_change.h264",
]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("name", REAL_FRAMES)
def test_real_frames_are_resized_as_torch_does(name, dtype):
    """Some pixel formats are resampled row by row during conversion, others as a whole picture
    afterwards.
    """
    path = media.path(name)
    with VideoDecoder(path, dimension_order="NHWC", output_dtype=dtype) as plain:
        whole = plain[:6]
    height, width = whole.shape[1:3]
    part = ((height + 1) // 2 | 1, (width + 2) // 3)
    part = (min(part[0], height), part[1])
    for transforms in ([Resize((37, 53))], [CenterCrop(part), Resize((29, 31)), CenterCrop((9, 14))]):
        pipeline = resolve(transforms, height, width)
        y0, y1, x0, x1 = pipeline.region or (0, height, 0, width)
        before = whole[:, y0:y1, x0:x1].contiguous()
        result = transformed(path, transforms, output_dtype=dtype)[:6]
        if dtype is torch.uint8:
            assert torch.equal(result, apply(pipeline, before))
        else:
            exact = apply(pipeline, before.double())
            error = 3e-7 if dtype is torch.float32 else 2.0**-11
            assert (result.double() - exact).abs().max() <= error


# --- What users pass ------------------------------------------------------------------------------


class InterpolationMode(Enum):
    BILINEAR = "bilinear"
    NEAREST = "nearest"


def torchvision(name, module="torchvision.transforms.v2._geometry", **attributes):
    """Stands in for an object of one of torchvision's classes."""
    made = type(name, (), {"__module__": module})()
    vars(made).update(attributes)
    return made


BILINEAR = {"interpolation": InterpolationMode.BILINEAR, "max_size": None, "antialias": True}
PLAIN = {"padding": None, "pad_if_needed": False, "fill": 0, "padding_mode": "constant"}


def test_transforms_of_cycodec():
    given = [Resize(10), CenterCrop(4)]
    assert as_transforms(given) == (Resize(10), CenterCrop(4))
    assert as_transforms(tuple(given)) == tuple(given)
    assert as_transforms(None) == as_transforms([]) == ()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (torchvision("Resize", size=[10, 20], **BILINEAR), Resize((10, 20))),
        (torchvision("Resize", size=[10], **BILINEAR), Resize(10)),
        (torchvision("Resize", size=[10], **{**BILINEAR, "interpolation": "bilinear"}), Resize(10)),
        (torchvision("Resize", size=[10], **{**BILINEAR, "interpolation": 2}), Resize(10)),  # Pillow's number
        (torchvision("CenterCrop", size=(10, 20)), CenterCrop((10, 20))),
        (torchvision("RandomCrop", size=(10, 20), **PLAIN), RandomCrop((10, 20))),
    ],
)
def test_transforms_of_torchvision(theirs, ours):
    assert as_transforms([theirs, CenterCrop(3)]) == (ours, CenterCrop(3))


def compose(*transforms):
    return torchvision("Compose", "torchvision.transforms.v2._container", transforms=list(transforms))


@pytest.mark.parametrize(
    "theirs",
    [
        [compose(torchvision("Resize", size=[10], **BILINEAR), CenterCrop(4))],
        [compose(compose(Resize(10)), compose()), CenterCrop(4)],
        compose(Resize(10), compose(compose(torchvision("CenterCrop", size=(4, 4))))),
        [torch.nn.Sequential(torch.nn.Sequential()), compose(Resize(10), CenterCrop(4))],
    ],
)
def test_containers_are_opened(theirs):
    assert as_transforms(theirs) == (Resize(10), CenterCrop(4))


def test_what_a_container_holds_is_checked():
    with pytest.raises(ValueError, match="unsupported transform"):
        as_transforms([compose(Resize(10), torchvision("RandomRotation", size=(4, 4)))])
    with pytest.raises(ValueError, match="unsupported transform"):
        as_transforms([torch.nn.Sequential(torch.nn.Identity())])


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        (
            torchvision("Resize", size=[10], **{**BILINEAR, "interpolation": InterpolationMode.NEAREST}),
            "interpolation='bilinear' only, got <InterpolationMode.NEAREST",
        ),
        (
            torchvision("Resize", size=[10], **{**BILINEAR, "antialias": False}),
            "antialias=True only, got False",
        ),
        (torchvision("Resize", size=[10], **{**BILINEAR, "max_size": 20}), "max_size=None only, got 20"),
        (torchvision("RandomCrop", size=(4, 4), **{**PLAIN, "padding": [1] * 4}), "padding=None only"),
        (
            torchvision("RandomCrop", size=(4, 4), **{**PLAIN, "pad_if_needed": True}),
            "pad_if_needed=False only",
        ),
        (
            torchvision("RandomResizedCrop", size=(4, 4), interpolation="nearest", antialias=True),
            "interpolation='bilinear' only",
        ),
        (torchvision("Resize", "torchvision.transforms.transforms", size=4), "unsupported transform"),
        (torchvision("Resize", "somewhere.else", size=4), "unsupported transform"),
        ("resize", "unsupported transform 'resize'.* decoders know Resize, CenterCrop, RandomCrop"),
        (None, "unsupported transform None"),
        (Resize, "unsupported transform"),
    ],
)
def test_transforms_that_are_refused(theirs, words):
    with pytest.raises(ValueError, match=words):
        as_transforms([theirs])


@pytest.mark.parametrize("transforms", [Resize(10), "resize", 3])
def test_transforms_must_be_a_list(transforms):
    with pytest.raises(TypeError, match="transforms must be a list"):
        as_transforms(transforms)


def test_real_torchvision_gives_the_same_pixels(store):
    try:
        from torchvision.transforms import v2
    except Exception as error:  # torchvision is absent, or built for another torch
        pytest.skip(f"torchvision cannot be imported: {error}")
    data = frames(2, 90, 121)
    path = store(data)
    for transforms in [
        [v2.Resize(40)],
        [v2.Resize((33, 150)), v2.CenterCrop((31, 20))],
        [v2.CenterCrop(51), v2.Resize(17)],
        [v2.RandomCrop((60, 50)), v2.Resize((20, 20)), v2.RandomCrop(7)],
    ]:
        torch.manual_seed(4)
        expected = v2.Compose(transforms)(data.permute(0, 3, 1, 2))
        torch.manual_seed(4)
        assert torch.equal(transformed(path, transforms).permute(0, 3, 1, 2), expected)


def test_describing_needs_neither_torch_nor_torchvision():
    code = """
import sys
from cycodec.transforms import CenterCrop, Resize, as_transforms, resolve
resolve(as_transforms([Resize(10), CenterCrop(4)]), 24, 32)
assert "torch" not in sys.modules and "torchvision" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_random_crop_takes_its_place_from_a_generator():
    def places(seed):
        generator = torch.Generator().manual_seed(seed)
        return [resolve([RandomCrop((10, 10))], 240, 360, generator).region for _ in range(3)]

    before = torch.random.get_rng_state()
    assert places(1) == places(1) != places(2)
    assert len(set(places(1))) == 3
    assert torch.equal(torch.random.get_rng_state(), before)
