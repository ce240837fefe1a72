"""A decoder tells what the array of its frames is like without decoding them."""

import media
import numpy as np
import pytest
import torch

import cycodec
from cycodec.decoders import VideoDecoder
from cycodec.transforms import Resize


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dimension_order": "NHWC"},
        {"output_dtype": torch.float32},
        {"output_dtype": torch.float16, "dimension_order": "NHWC"},
        {"output_dtype": "auto"},
        {"transforms": [Resize((16, 24))]},
        {"seek_mode": "approximate"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["h264_plain.mp4", "hevc_pq.mp4", "rot90.mp4"])
def test_facts_are_those_of_all_frames(name, options):
    path = media.locate(name)
    decoder = VideoDecoder(path, **options)
    facts = decoder.shape, decoder.ndim, decoder.dtype, decoder.device
    whole = VideoDecoder(path, **options)[...]
    assert facts == (tuple(whole.shape), whole.ndim, whole.dtype, whole.device)


def test_facts_decode_nothing():
    decoder = VideoDecoder(media.locate("h264_plain.mp4"))
    assert decoder.shape[0] == len(decoder)
    assert decoder.dtype is torch.uint8
    assert decoder.device.type == "cpu"
    assert decoder.counters.frames_decoded == 0


def test_asarray():
    decoder = VideoDecoder(media.locate("h264_plain.mp4"))
    assert np.array_equal(np.asarray(decoder[...]), decoder[...].numpy())
    # libraries convert what has this method without asking, and all frames would be decoded
    assert not hasattr(decoder, "__array__")


def test_facts_of_a_closed_decoder():
    decoder = VideoDecoder(media.locate("h264_plain.mp4"))
    decoder.close()
    with pytest.raises(cycodec.ClosedError):
        _ = decoder.shape
    assert decoder.ndim == 4
