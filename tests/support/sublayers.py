"""Makes HEVC with three temporal sub-layers from a stream with one, because no encoder of ffmpeg
writes them.

The encoder's stream is I (P B b b)* in decoding order. Each b refers to its neighbours, among them
B; B refers only to I and P. P gets TemporalId 0, B 1 and b 2. No frame of B's own sub-layer refers
to B, so B is a "sub-layer non-reference picture", although b refers to it. A decoder that skips
such pictures must also skip the sub-layers above.

Clause numbers are those of ITU-T H.265.
"""

from bitstreams import escaped

IDR = (19, 20)
VPS, SPS = 32, 33
TRAIL_N, TRAIL_R = 0, 1


def in_sublayers(path):
    """Returns an Annex B stream with rewritten NAL unit headers and parameter sets."""
    out = []
    references = 0
    for unit in path.read_bytes().split(b"\0\0\1")[1:]:
        unit = unit.rstrip(b"\0")
        kind = unit[0] >> 1 & 63
        if kind in IDR:
            references = 0
        elif kind == TRAIL_R:
            references += 1
            if references % 2 == 0:
                unit = header(TRAIL_N, 1) + unit[2:]
        elif kind == TRAIL_N:
            unit = header(TRAIL_N, 2) + unit[2:]
        elif kind in (VPS, SPS):
            unit = with_sublayers(unit, kind)
        out.append(b"\0\0\0\1" + unit)
    return b"".join(out)


def header(kind, layer):
    """Returns the header of 7.3.1.2: forbidden_zero_bit, nal_unit_type, nuh_layer_id,
    nuh_temporal_id_plus1.
    """
    return bytes([kind << 1, layer + 1])


def with_sublayers(unit, kind):
    """Returns the video or sequence parameter set with max_sub_layers_minus1 of 2 and one set of
    buffer sizes for all.
    """
    payload = unit[2:].replace(b"\0\0\3", b"\0\0")
    bits = format(int.from_bytes(payload, "big"), f"0{8 * len(payload)}b")
    # 7.3.2.1 and 7.3.2.2.1; 16 reserved bits follow in the video parameter set
    layers, profile = (12, 32) if kind == VPS else (4, 8)
    head = bits[:layers] + "010" + bits[layers + 3 : profile]
    rest = bits[profile + 96 :]  # 7.3.3
    # neither sub-layer has a profile or a level of its own; then 2 bits for each of the other six
    general = bits[profile : profile + 96] + "00" * 2 + "00" * 6
    place = 0 if kind == VPS else before_ordering(rest)
    assert rest[place] == "1", "sub_layer_ordering_info_present_flag"
    rest = rest[:place] + "0" + rest[place + 1 :]
    text = (head + general + rest).rstrip("0")  # the stop bit is the last one
    text += "0" * (-len(text) % 8)
    return unit[:2] + escaped(int(text, 2).to_bytes(len(text) // 8, "big"))


def before_ordering(bits):
    """Returns the number of bits of a sequence parameter set between its profile and
    sps_sub_layer_ordering_info_present_flag.
    """
    place = 0

    def golomb():
        nonlocal place
        zeros = bits.index("1", place) - place
        value = int(bits[place + zeros : place + 2 * zeros + 1], 2) - 1
        place += 2 * zeros + 1
        return value

    golomb()
    assert golomb() == 1, "4:2:0"
    golomb()
    golomb()
    place += 1
    if bits[place - 1] == "1":
        for _ in range(4):
            golomb()
    for _ in range(3):
        golomb()
    return place
