"""The sequence parameter sets of H.264 and HEVC, which describe the pictures of a stream.

ITU-T H.264, 7.3.2.1.1 and E.1.1; ITU-T H.265, 7.3.2.2.1 and 7.3.3.
"""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.bits cimport Bits, open_bits, read_bits, read_golomb, read_signed_golomb


cdef enum:
    UNSPECIFIED = 2         # the number of all three colour properties
    EXTENDED_SAR = 255
    PROFILE_BITS = 88       # profile, tier and flags in HEVC's profile_tier_level, before the level
    LEVEL_BITS = 8


cdef void skip_scaling_list(Bits *bits, int size) noexcept nogil:
    cdef int last = 8
    cdef int following = 8
    cdef int _i
    for _i in range(size):
        if following:
            following = (last + read_signed_golomb(bits) + 256) & 255
        if following:
            last = following


cdef bint has_chroma_format(unsigned profile) noexcept nogil:
    return profile in (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)


cdef void read_colours(Bits *bits, Sps *sps) noexcept nogil:
    """Read the VUI parameters up to the colours."""
    if read_bits(bits, 1) and read_bits(bits, 8) == EXTENDED_SAR:
        read_bits(bits, 32)
    if read_bits(bits, 1):                  # overscan
        read_bits(bits, 1)
    if read_bits(bits, 1):
        read_bits(bits, 3)                  # video_format
        sps.full_range = <int> read_bits(bits, 1)
        sps.has_colours = read_bits(bits, 1)
        if sps.has_colours:
            sps.primaries = <int> read_bits(bits, 8)
            sps.transfer = <int> read_bits(bits, 8)
            sps.matrix = <int> read_bits(bits, 8)


cdef void open_payload(Bits *bits, uint8_t *payload, const uint8_t *data, int size) noexcept nogil:
    """Open a NAL unit without its emulation prevention bytes; `payload` holds MAX_BYTES bytes."""
    cdef int zeros = 0
    cdef int count = 0
    cdef int i
    for i in range(size):
        if zeros >= 2 and data[i] == 3:
            zeros = 0
            continue
        if count == MAX_BYTES:
            break
        zeros = zeros + 1 if data[i] == 0 else 0
        payload[count] = data[i]
        count += 1
    open_bits(bits, payload, count)


cdef void clear_sps(Sps *sps) noexcept nogil:
    sps.id = 0
    sps.chroma = 1
    sps.luma_depth = sps.chroma_depth = 8
    sps.left = sps.right = sps.top = sps.bottom = 0
    sps.frames_only = True
    sps.top_layer = 0
    sps.full_range = -1
    sps.has_colours = False
    sps.primaries = sps.transfer = sps.matrix = UNSPECIFIED


cdef void read_window(Bits *bits, Sps *sps, int rows) noexcept nogil:
    """Read the cropping window, in chroma samples; `rows` is 2 if the window counts field rows."""
    cdef int columns = 2 if sps.chroma == 1 or sps.chroma == 2 else 1
    rows *= 2 if sps.chroma == 1 else 1
    if not read_bits(bits, 1):
        return
    sps.left = columns * <int> min(read_golomb(bits), 1 << 16)
    sps.right = columns * <int> min(read_golomb(bits), 1 << 16)
    sps.top = rows * <int> min(read_golomb(bits), 1 << 16)
    sps.bottom = rows * <int> min(read_golomb(bits), 1 << 16)


cdef bint is_valid(const Bits *bits, const Sps *sps) noexcept nogil:
    return not bits.overrun and sps.left + sps.right < sps.width and sps.top + sps.bottom < sps.height


cdef void read_depths(Bits *bits, Sps *sps) noexcept nogil:
    sps.luma_depth = 8 + <int> min(read_golomb(bits), 64)
    sps.chroma_depth = 8 + <int> min(read_golomb(bits), 64)


cdef void read_chroma_format(Bits *bits, Sps *sps) noexcept nogil:
    """Read H.264's chroma format and depths, and skip the scaling lists."""
    cdef int i
    sps.chroma = <int> read_golomb(bits)
    if sps.chroma == 3:
        read_bits(bits, 1)
    read_depths(bits, sps)
    read_bits(bits, 1)
    if read_bits(bits, 1):
        for i in range(12 if sps.chroma == 3 else 8):
            if read_bits(bits, 1):
                skip_scaling_list(bits, 16 if i < 6 else 64)


cdef void skip_picture_order(Bits *bits) noexcept nogil:
    """Skip H.264's pic_order_cnt_type and what depends on it."""
    cdef unsigned order = read_golomb(bits)
    cdef int _i
    if order == 0:
        read_golomb(bits)
    elif order == 1:
        read_bits(bits, 1)
        read_signed_golomb(bits)
        read_signed_golomb(bits)
        for _i in range(min(<int> read_golomb(bits), 256)):
            read_signed_golomb(bits)


cdef bint read_sps(const uint8_t *data, int size, Sps *sps) noexcept nogil:
    """Read a set of H.264 from a NAL unit with its header byte; return False if it is not valid."""
    cdef uint8_t[MAX_BYTES] payload
    cdef Bits bits
    cdef unsigned profile, macroblocks
    open_payload(&bits, payload, data, size)
    bits.pos = 8
    clear_sps(sps)
    profile = read_bits(&bits, 8)
    read_bits(&bits, 16)
    sps.id = <int> min(read_golomb(&bits), 1 << 16)
    if has_chroma_format(profile):
        read_chroma_format(&bits, sps)
    read_golomb(&bits)
    skip_picture_order(&bits)
    read_golomb(&bits)
    read_bits(&bits, 1)
    macroblocks = read_golomb(&bits) + 1
    sps.width = 16 * <int> min(macroblocks, 1 << 16)
    macroblocks = read_golomb(&bits) + 1
    sps.frames_only = read_bits(&bits, 1)
    sps.height = (16 if sps.frames_only else 32) * <int> min(macroblocks, 1 << 16)
    if not sps.frames_only:
        read_bits(&bits, 1)
    read_bits(&bits, 1)
    read_window(&bits, sps, 1 if sps.frames_only else 2)
    if read_bits(&bits, 1):
        read_colours(&bits, sps)
    return is_valid(&bits, sps)


cdef bint read_hevc_sps(const uint8_t *data, int size, Sps *sps) noexcept nogil:
    """Read an HEVC set, except its colours, from a NAL unit with its two header bytes.

    Return False if the set is not valid.
    """
    cdef uint8_t[MAX_BYTES] payload
    cdef Bits bits
    cdef unsigned present[8]
    cdef int layers, i
    open_payload(&bits, payload, data, size)
    bits.pos = 16 + 4
    clear_sps(sps)
    layers = <int> read_bits(&bits, 3)          # sps_max_sub_layers_minus1
    sps.top_layer = layers
    bits.pos += 1 + PROFILE_BITS + LEVEL_BITS
    for i in range(layers):
        present[i] = read_bits(&bits, 2)
    if layers:
        bits.pos += 2 * (8 - layers)
    for i in range(layers):
        bits.pos += (PROFILE_BITS if present[i] & 2 else 0) + (LEVEL_BITS if present[i] & 1 else 0)
    read_golomb(&bits)
    sps.chroma = <int> read_golomb(&bits)
    if sps.chroma == 3:
        read_bits(&bits, 1)
    sps.width = <int> min(read_golomb(&bits), 1 << 16)
    sps.height = <int> min(read_golomb(&bits), 1 << 16)
    read_window(&bits, sps, 1)
    read_depths(&bits, sps)
    return is_valid(&bits, sps)


def describe_sps(bytes unit not None, bint hevc=False):
    """Return the fields of a sequence parameter set as a dict; None if it is not valid.

    Parameters
    ----------
    unit : bytes
        The NAL unit with its header.
    hevc : bool
        True if the set is one of HEVC, False for H.264.
    """
    cdef Sps sps
    cdef const uint8_t *data = <const uint8_t *> (<const char *> unit)
    cdef bint valid = read_hevc_sps(data, <int> len(unit), &sps) if hevc else read_sps(data, <int> len(unit), &sps)
    return sps if valid else None


def sets_in_extradata(bytes extradata not None, bint of_pictures=False):
    """Return the H.264 sequence parameter sets in a stream's extradata.

    The extradata is avcC (ISO/IEC 14496-15, 5.3.3.1.2) or Annex B.

    Parameters
    ----------
    extradata : bytes
    of_pictures : bool
        True for the picture parameter sets instead.
    """
    if extradata[:1] != b"\1":
        kind = 8 if of_pictures else 7
        return [unit for unit in extradata.split(b"\0\0\1") if unit and unit[0] & 31 == kind]
    lists = ([], [])
    position = 5
    for units, mask in zip(lists, (31, 255)):
        count = extradata[position] & mask if len(extradata) > position else 0
        position += 1
        for _ in range(count):
            length = int.from_bytes(extradata[position:position + 2], "big")
            units.append(extradata[position + 2:position + 2 + length])
            position += 2 + length
    return lists[of_pictures]


def may_have_fields(bytes unit not None):
    """Return True if an H.264 set allows single fields, so that two packets may make one frame.

    Parameters
    ----------
    unit : bytes
        The NAL unit with its header byte. True is returned for a set that is not valid.
    """
    cdef Sps sps
    return not read_sps(<const uint8_t *> (<const char *> unit), <int> len(unit), &sps) or not sps.frames_only
