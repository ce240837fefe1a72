"""clap, irot and imir in AVIF and HEIC files, as libheif applies them; ICC, which nobody applies.

The expectations are what heif-convert of libheif 1.15.1 wrote. Where the tool is installed, it is
asked again.
"""

import shutil
import struct
import subprocess

import images
import numpy as np
import pytest
import torch
from PIL import Image

from cycodec.images import AvifEncoder, decode_avif, decode_heic, get_image_metadata

EDGE = 64
# name -> width, height, horizontal and vertical offset, each with its denominator;
# and the columns and rows that libheif shows of 64x64, both ends included
CASES = {
    "middle": ((30, 1, 20, 1, 0, 1, 0, 1), (17, 46), (22, 41)),
    "offsets": ((30, 1, 20, 1, -7, 1, 10, 1), (10, 39), (32, 51)),
    "odd": ((31, 1, 21, 1, 0, 1, 0, 1), (16, 46), (22, 42)),
    "half offsets": ((30, 1, 20, 1, 1, 2, -1, 2), (17, 46), (22, 41)),
    "odd with half offsets": ((31, 1, 21, 1, 1, 2, -1, 2), (17, 47), (21, 41)),
    "half sizes": ((61, 2, 41, 2, 0, 1, 0, 1), (16, 46), (22, 42)),
    "thirds": ((100, 3, 50, 3, 1, 3, -2, 3), (15, 47), (23, 39)),
    "whole": ((64, 1, 64, 1, 0, 1, 0, 1), (0, 63), (0, 63)),
    "over the edge": ((30, 1, 20, 1, -20, 1, 25, 1), (0, 26), (47, 63)),
    "too large": ((100, 1, 100, 1, 0, 1, 0, 1), (0, 63), (0, 63)),
    "one pixel": ((1, 1, 1, 1, 0, 1, 0, 1), (31, 31), (32, 32)),
}
# a box that acts before clap "odd": the stored (column, row) of the first and last pixel that
# libheif shows, and the size
TURNED_FIRST = {
    "irot": (images.box(b"irot", b"\1"), (41, 16), (21, 46), (21, 31)),
    "imir": (images.box(b"imir", b"\1"), (47, 22), (17, 42), (21, 31)),
}


def clap(numbers):
    return images.box(b"clap", struct.pack(">IIIIiIiI", *numbers))


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A coded picture whose red and green tell the place, its hvcC, and its pixels."""
    folder = tmp_path_factory.mktemp("clap")
    rows, columns = np.mgrid[:EDGE, :EDGE] * 4
    Image.fromarray(np.stack([columns, rows, 0 * rows], 2).astype(np.uint8)).save(folder / "a.png")
    command = ("-i", str(folder / "a.png"), "-vf", "format=gbrp")
    (sample,), config = images.hevc_pictures(folder / "a.mp4", *command)
    return sample, config, decode_heic(images.heic([sample], config, (EDGE, EDGE)))


def heif_convert(data, folder):
    """The pixels that the tool shows, [C, H, W]; None for an error."""
    tool = shutil.which("heif-convert") or shutil.which("heif-dec")
    if tool is None:
        pytest.skip("heif-convert is not installed")
    (folder / "in.heic").write_bytes(data)
    done = subprocess.run([tool, "in.heic", "out.png"], cwd=folder, capture_output=True)
    if done.returncode or not (folder / "out.png").exists():
        return None
    return torch.from_numpy(np.array(Image.open(folder / "out.png").convert("RGB"))).permute(2, 0, 1)


@pytest.mark.parametrize("name", CASES)
def test_the_part_that_is_shown(picture, name):
    sample, config, whole = picture
    numbers, (x0, x1), (y0, y1) = CASES[name]
    data = images.heic([sample], config, (EDGE, EDGE), extra=[clap(numbers)])
    want = whole[:, y0 : y1 + 1, x0 : x1 + 1]
    assert torch.equal(decode_heic(data), want)
    metadata = get_image_metadata(data)
    assert (metadata.height, metadata.width) == want.shape[1:]
    if min(want.shape[1:]) > 12:
        assert torch.equal(decode_heic(data, region=(3, 11, 2, 9)), want[:, 3:11, 2:9])
    turned = images.heic([sample], config, (EDGE, EDGE), extra=[clap(numbers), images.box(b"irot", b"\1")])
    assert torch.equal(decode_heic(turned), torch.rot90(want, 1, (1, 2)))


@pytest.mark.parametrize("name", TURNED_FIRST)
def test_a_cut_after_a_turn(picture, name):
    sample, config, whole = picture
    box, first, last, size = TURNED_FIRST[name]
    data = images.heic([sample], config, (EDGE, EDGE), extra=[box, clap(CASES["odd"][0])])
    found = decode_heic(data)
    assert found.shape[1:] == size
    for pixel, (x, y) in ((found[:, 0, 0], first), (found[:, -1, -1], last)):
        assert torch.equal(pixel, whole[:, y, x])


@pytest.mark.parametrize(
    "numbers", [(10, 1, 10, 1, 60, 1, 0, 1), (0, 1, 10, 1, 0, 1, 0, 1), (10, 0, 10, 1, 0, 1, 0, 1)]
)
def test_an_impossible_part_is_damage(picture, numbers):
    sample, config, _ = picture
    data = images.heic([sample], config, (EDGE, EDGE), extra=[clap(numbers)])
    with pytest.raises(ValueError, match="its clean aperture"):
        decode_heic(data)


def test_a_small_part_of_a_large_picture_counts_as_large(picture):
    sample, config, _ = picture
    data = images.heic([sample], config, (EDGE, EDGE), extra=[clap(CASES["one pixel"][0])])
    with pytest.raises(MemoryError, match="max_pixels"):
        decode_heic(data, max_pixels=EDGE * EDGE - 1)
    assert decode_heic(data, max_pixels=EDGE * EDGE).shape == (3, 1, 1)


R, M = images.box(b"irot", b"\1"), images.box(b"imir", b"\1")


@pytest.mark.parametrize("order", [(0,), (0, R), (R, 0), (M, 0), (0, M, R), (R, M, 0), (M, R, 0), (R, 0, M)])
@pytest.mark.parametrize("name", CASES)
def test_libheif_shows_the_same(picture, name, order, tmp_path):
    sample, config, _ = picture
    extra = [part or clap(CASES[name][0]) for part in order]
    data = images.heic([sample], config, (EDGE, EDGE), extra=extra)
    theirs = heif_convert(data, tmp_path)
    ours = decode_heic(data)
    assert ours.shape == theirs.shape
    assert (ours.int() - theirs.int()).abs().max() <= 2


def test_profiles_change_no_pixels(tmp_path):
    """Neither of the reference tools converts colours: it copies the profile into its PNG."""
    image = torch.from_numpy(np.array(images.photo(60, 44))).permute(2, 0, 1)
    encoder = AvifEncoder(image)
    profile = bytes(range(256)) * 2
    plain = bytes(encoder.to_tensor(quality=90, subsampling="4:4:4").numpy())
    tagged = bytes(encoder.to_tensor(quality=90, subsampling="4:4:4", icc_profile=profile).numpy())
    assert profile in tagged
    found = decode_avif(tagged)
    assert torch.equal(found, decode_avif(plain))
    if shutil.which("avifdec"):
        (tmp_path / "a.avif").write_bytes(tagged)
        subprocess.run(
            ["avifdec", "--ignore-icc", "a.avif", "a.png"], cwd=tmp_path, check=True, capture_output=True
        )
        theirs = torch.from_numpy(np.array(Image.open(tmp_path / "a.png").convert("RGB"))).permute(2, 0, 1)
        assert (found.int() - theirs.int()).abs().max() <= 2
