"""The search for start codes gives the same places on every processor."""

import random
import re

import pytest

from cycodec.core.bitstream.start_codes import find_units


def expected(data: bytes) -> list[int]:
    """Return the places behind start codes that are not at the end of the data."""
    return [match.end() for match in re.finditer(b"\0\0\1", data) if match.end() < len(data)]


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 65, 66, 67, 130, 1000])
def test_a_code_is_found_at_every_place(length, plain):
    for place in range(max(length - 2, 0)):
        data = bytearray(b"\x55" * length)
        data[place : place + 3] = b"\0\0\1"
        assert find_units(bytes(data), plain) == expected(bytes(data)), place


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_bytes_full_of_zeros_and_ones(seed, plain):
    draw = random.Random(seed)
    data = bytes(
        draw.choices((0, 1, 3, 255), weights=(draw.choice((2, 8, 30)), 2, 1, 3), k=draw.randrange(2000))
    )
    assert find_units(data, plain) == expected(data)
