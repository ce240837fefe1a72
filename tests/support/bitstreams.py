"""Writes streams bit by bit that no encoder of ffmpeg writes: field pictures of MPEG-2 and of
H.264.

In a field-coded stream the even and the odd lines of a frame are separate pictures: two pictures,
in H.264 even two packets, are one frame. The pictures here are simple (flat blocks, raw
macroblocks, copies of the reference), but they are predicted and reordered, and their pixels
differ.

Clause numbers are those of ISO/IEC 13818-2 (MPEG-2) and of ITU-T H.264.
"""

import random

TOP, BOTTOM, FRAME = 1, 2, 3


class Bits:
    """A growing string of bits."""

    def __init__(self):
        self.text = []

    def put(self, value, width):
        self.text.append(format(value, f"0{width}b") if width else "")
        return self

    def code(self, bits):
        """Appends bits that are given as text, as in the tables of variable-length codes."""
        self.text.append(bits)
        return self

    def ue(self, value):
        """Appends an Exp-Golomb code (H.264, 9.1)."""
        width = (value + 1).bit_length()
        return self.put(value + 1, 2 * width - 1)

    def align(self, bit="0"):
        self.text.append(bit * (-len("".join(self.text)) % 8))
        return self

    def to_bytes(self):
        text = "".join(self.text)
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big") if text else b""


# ---- MPEG-2 ----

DC_SIZE_LUMA = ("100", "00", "01", "101", "110", "1110", "11110", "111110", "1111110")  # table B.12
DC_SIZE_CHROMA = ("00", "01", "10", "110", "1110", "11110", "111110", "1111110", "11111110")  # table B.13
I, P, B = 1, 2, 3  # noqa: E741 - the kinds of pictures, as they are called


def mpeg2_fields(groups=4, width=128, height=96):
    """Returns an MPEG-2 elementary stream whose frames are two field pictures each: I P, P P and B
    B.
    """
    dice = random.Random(5)
    columns, rows = width // 16, height // 32
    out = []
    for group in range(groups):
        out.append(_sequence_header(width, height))
        out.append(b"\0\0\1\xb8" + Bits().put(0, 25).put(group == 0, 1).put(0, 1).to_bytes())
        # coded order; from the second group on, the first two shown frames refer to the previous
        # group (an open GOP)
        order = (
            [(0, I), (3, P), (1, B), (2, B)]
            if group == 0
            else [(2, I), (0, B), (1, B), (5, P), (3, B), (4, B)]
        )
        for shown, kind in order:
            for structure in (TOP, BOTTOM):
                second = kind == I and structure == BOTTOM
                # the second field of an I frame refers only to the first field
                parities = (0,) if second else (0, 1)
                out.append(
                    _field_picture(shown, P if second else kind, structure, parities, columns, rows, dice)
                )
    return b"".join(out) + b"\0\0\1\xb7"


def _sequence_header(width, height):
    header = Bits().put(width, 12).put(height, 12).put(1, 4).put(3, 4)  # square pixels, 25 frames a second
    header.put(5000, 18).put(1, 1).put(112, 10).put(0, 3)
    extension = (
        Bits().put(1, 4).put(0x48, 8).put(0, 1).put(1, 2).put(0, 2).put(0, 2)
    )  # main profile, interlaced, 4:2:0
    extension.put(0, 12).put(1, 1).put(0, 8).put(0, 1).put(0, 2).put(0, 5)
    return b"\0\0\1\xb3" + header.to_bytes() + b"\0\0\1\xb5" + extension.to_bytes()


def _field_picture(shown, kind, structure, parities, columns, rows, dice):
    header = Bits().put(shown, 10).put(kind, 3).put(0xFFFF, 16)
    if kind in (P, B):
        header.put(0, 1).put(7, 3)
    if kind == B:
        header.put(0, 1).put(7, 3)
    header.put(0, 1)
    forward, backward = (1 if kind in (P, B) else 15), (1 if kind == B else 15)
    extension = Bits().put(8, 4).put(forward, 4).put(forward, 4).put(backward, 4).put(backward, 4)
    extension.put(0, 2).put(structure, 2).put(0, 10)
    out = [b"\0\0\1\0", header.to_bytes(), b"\0\0\1\xb5", extension.to_bytes()]
    for row in range(rows):
        slice_ = Bits().put(8, 5).put(0, 1)
        predictor = [128, 128, 128]
        for _ in range(columns):
            slice_.code("1")  # the next macroblock, none left out
            if kind == I or dice.random() < 0.4:
                slice_.code("1" if kind == I else "00011")
                _intra_macroblock(slice_, predictor, dice)
            else:
                _predicted_macroblock(slice_, kind, parities, dice)
                predictor = [128, 128, 128]
        out += [bytes([0, 0, 1, row + 1]), slice_.to_bytes()]
    return b"".join(out)


def _intra_macroblock(bits, predictor, dice):
    for block in range(6):
        component = max(0, block - 3)
        level = dice.randrange(30, 226)
        difference = level - predictor[component]
        predictor[component] = level
        size = abs(difference).bit_length()
        bits.code((DC_SIZE_CHROMA if component else DC_SIZE_LUMA)[size])
        bits.put(difference if difference >= 0 else difference + (1 << size) - 1, size)
        bits.code("10")  # end of block: the rest of the coefficients is zero


def _predicted_macroblock(bits, kind, parities, dice):
    """Copies the reference fields, without motion and without a residual."""
    bits.code("001" if kind == P else "10")
    bits.code("01")  # one vector for the whole macroblock, from a field
    for _ in range(1 if kind == P else 2):
        bits.put(dice.choice(parities), 1).code("11")


# ---- H.264 ----


def h264_fields(frames=24, width=64, height=64, reordered=False, mixed=False):
    """Returns an Annex B H.264 stream of field pictures.

    With `reordered`, frames of B fields stand between the reference frames. With `mixed`, every
    third frame is coded as one frame picture (the "PAFF" of broadcasting).
    """
    dice = random.Random(9)
    macroblocks = (width // 16) * (height // 32)
    out = []
    frame_number = shown_from = 0
    plan = []
    while len(plan) < frames:
        at = len(plan)
        if at % 12 == 0:
            plan.append((at, "I"))
        elif reordered and at % 12 < 10:
            plan += [(at + 1, "P"), (at, "B")]
        else:
            plan.append((at, "P"))
    for shown, kind in plan:
        if kind == "I":
            frame_number, shown_from = 0, shown
            out += [_nal(0x67, _sequence_parameters(width, height)), _nal(0x68, _picture_parameters())]
        structures = (FRAME,) if mixed and shown % 3 == 2 else (TOP, BOTTOM)
        for structure in structures:
            # the second field of an IDR frame is no IDR picture (7.4.1.2.4)
            idr = kind == "I" and structure != BOTTOM
            coded = "P" if kind == "I" and not idr else kind
            count = 2 * (shown - shown_from) + (structure == BOTTOM)
            amount = macroblocks * 2 if structure == FRAME else macroblocks
            slice_ = _slice(coded, idr, frame_number, structure, count, amount, dice)
            out.append(_nal((0x65 if idr else 0x41) if kind != "B" else 0x01, slice_))
        if kind != "B":
            frame_number = (frame_number + 1) % 16
        # the frame number of a following B frame is its reference's plus 1, and does not advance it
    return b"".join(out)


def escaped(payload):
    """Returns the payload of a NAL unit with an 03 inserted into each 00 00 0x (7.4.1; H.265,
    7.4.2).
    """
    out, zeros = bytearray(), 0
    for byte in payload:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def _nal(header, payload):
    """Returns a NAL unit with its start code."""
    return b"\0\0\0\1" + bytes([header]) + escaped(payload)


def _sequence_parameters(width, height):
    bits = Bits().put(77, 8).put(0, 8).put(30, 8).ue(0)  # main profile, level 3
    bits.ue(0)  # frame numbers of 4 bits
    bits.ue(0).ue(2)  # order counts of 6 bits
    bits.ue(2).put(0, 1).ue(width // 16 - 1).ue(height // 32 - 1)
    bits.put(0, 1).put(0, 1).put(1, 1).put(0, 1)  # fields allowed, not by macroblock
    bits.put(1, 1).put(0, 4)  # VUI: no aspect, overscan, signal type or chroma place,
    bits.put(1, 1).put(1, 32).put(50, 32).put(1, 1)  # 50 fields a second,
    bits.put(0, 3).put(1, 1).put(1, 1).ue(0).ue(0).ue(10).ue(10).ue(1).ue(2)  # reorder one frame, buffer two
    return bits.code("1").to_bytes()


def _picture_parameters():
    bits = Bits().ue(0).ue(0).put(0, 1).put(0, 1).ue(0).ue(0).ue(0).put(0, 3)
    bits.ue(0).ue(0).ue(0).put(0b100, 3)  # quantisers of 26, deblocking can be switched off
    return bits.code("1").to_bytes()


def _slice(kind, idr, frame_number, structure, count, macroblocks, dice):
    bits = Bits().ue(0).ue({"P": 0, "B": 1, "I": 2}[kind]).ue(0).put(frame_number, 4)
    bits.put(structure != FRAME, 1)
    if structure != FRAME:
        bits.put(structure == BOTTOM, 1)
    if idr:
        bits.ue(0)
    bits.put(count % 64, 6)
    if kind == "B":
        bits.put(1, 1)  # spatial direct mode
    if kind != "I":
        bits.put(0, 1)  # default number of references
        bits.put(0, 2 if kind == "B" else 1)  # in their default order
    if kind != "B":
        bits.put(0, 2 if idr else 1)  # references are kept as they come
    bits.ue(0).ue(1)  # no change of the quantiser; no deblocking
    if kind == "I":
        for _ in range(macroblocks):
            _raw_macroblock(bits, 25, dice)
    else:
        raw = sorted(dice.sample(range(macroblocks), max(1, macroblocks // 4)))
        before = 0
        for place in raw:
            bits.ue(place - before)  # so many macroblocks are copied from the reference
            _raw_macroblock(bits, 30 if kind == "P" else 48, dice)
            before = place + 1
        if before < macroblocks:
            bits.ue(macroblocks - before)
    return bits.code("1").to_bytes()


def _raw_macroblock(bits, mb_type, dice):
    """Appends an I_PCM macroblock (7.3.5): 256 luma and 128 chroma samples without compression."""
    bits.ue(mb_type).align()
    for _ in range(24):
        sample = dice.randrange(16, 236)
        bits.put(int.from_bytes(bytes([sample]) * 16, "big"), 128)
