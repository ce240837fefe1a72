"""The headers of VP9's frames, as far as they decide whether a decoder gives a picture.

VP9 bitstream specification: 6.2 (headers), 7.2 (what they mean), 6.4 (tiles), 9.2.1 (the marker of
compressed data) and annex B (superframes).

Note [VP9 headers]

libavcodec's decoder cannot be asked about headers without decoding: frames refer to pictures, and
it refuses those that refer to a picture which it does not have. So the headers are read here, with
the sizes of the pictures that each frame leaves behind. A packet is refused if any of its frames
is. The sizes and the first bits of tiles are read, too.

Behind the headers, damage prevents a picture only if the decoder needs many more bits than there
are. That happens where a damaged header makes pictures larger. Encoders that change the size of
pictures keep their shape, or turn it; key frames of another shape are refused. Other damage of that
kind shows only when the frame is read.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t
from libc.string cimport memset

from cycodec.core.bitstream.bits cimport Bits, open_bits, read_bits


cdef enum:
    MOST_FRAMES = 8             # of a superframe
    SYNC_CODE = 0x498342
    RGB_SPACE = 7               # color_space
    ALL_REFERENCES = 0xFF       # refresh_frame_flags
    MARKER = 0x80               # the first bit of compressed data, which must be 0
    SMALLEST_TILE = 64          # pixels of the unit in which tiles are counted
    SEGMENTS = 8
    TILE_SIZE_BYTES = 4
    SHAPE_SHIFT = 4             # a sixteenth of a side may be lost by rounding
    FORMAT_420 = 0b11           # 8 bits, with chroma halved in both directions


# The bits of the four features of a segment, and whether a sign follows.
cdef int[4] FEATURE_BITS = [8, 6, 2, 0]
cdef bint[4] FEATURE_SIGNS = [True, True, False, False]


cdef struct FrameHeader:
    bint is_shown
    int refresh                 # a bit for each reference that the frame replaces
    Vp9Picture picture
    int tile_columns            # logarithms
    int tile_rows
    int compressed              # bytes of the compressed header


cdef int read_vp9_packet(Vp9References *references, const uint8_t *data, int size) noexcept nogil:
    """Return how many frames of a packet are shown; VP9_REFUSED if a decoder refuses one of them.

    The packets of a stream must come in their order. A refused packet changes no reference.
    """
    cdef int[MOST_FRAMES] sizes
    cdef int count = split_superframe(data, size, sizes)
    cdef int shown = 0
    cdef int position = 0
    cdef int i, code
    for i in range(count):
        if sizes[i] == 0:
            continue
        code = read_frame(references, data + position, sizes[i])
        if code == VP9_REFUSED:
            return VP9_REFUSED
        shown += code
        position += sizes[i]
    return shown if count else VP9_REFUSED


cdef bint read_vp9_size(const uint8_t *data, int size, int *width, int *height) noexcept nogil:
    """Read the size of the key frame that a packet begins with; return False if it is refused."""
    cdef Vp9References references
    cdef int[MOST_FRAMES] sizes
    memset(&references, 0, sizeof(references))
    references.max_pixels = INT64_MAX
    if not split_superframe(data, size, sizes) or read_frame(&references, data, sizes[0]) == VP9_REFUSED:
        return False
    width[0], height[0] = references.width, references.height
    return width[0] > 0


cdef int split_superframe(const uint8_t *data, int size, int *sizes) noexcept nogil:
    """Find the sizes of the frames in a packet, and return their number; 0 if the sizes are wrong.
    """
    cdef int last = data[size - 1] if size > 0 else 0
    cdef int count = 1 + (last & 7)
    cdef int width = 1 + ((last >> 3) & 3)
    cdef int index = size - 2 - count * width
    cdef int64_t left = index
    cdef int64_t length
    cdef int i, k
    sizes[0] = size
    if last & 0xE0 != 0xC0 or index < 0 or data[index] != last:
        return 1 if size > 0 else 0
    for i in range(count):
        length = 0
        for k in range(width):
            length |= <int64_t> data[index + 1 + i * width + k] << 8 * k
        if length > left:
            return 0
        sizes[i] = <int> length
        left -= length
    return count


cdef int read_frame(Vp9References *references, const uint8_t *data, int size) noexcept nogil:
    """Read one frame's headers and update the references; return 1 if it is shown, 0 if it is not,
    or VP9_REFUSED.
    """
    cdef FrameHeader header
    cdef Bits bits
    cdef int profile, i
    open_bits(&bits, data, size)
    if read_bits(&bits, 2) != 2:
        return VP9_REFUSED
    profile = <int> read_bits(&bits, 1)
    profile |= <int> read_bits(&bits, 1) << 1
    if profile == 3 and read_bits(&bits, 1):
        return VP9_REFUSED
    if read_bits(&bits, 1):                             # show_existing_frame
        i = <int> read_bits(&bits, 3)
        return VP9_REFUSED if not ends_with_zeros(&bits) or not references.pictures[i].width else 1
    if not read_uncompressed(references, &bits, profile, &header) or not ends_with_zeros(&bits):
        return VP9_REFUSED
    i = bits.pos >> 3
    if not holds_tiles(&header, data + i, size - i):
        return VP9_REFUSED
    references.format = header.picture.format
    if header.refresh == ALL_REFERENCES:
        references.width, references.height = header.picture.width, header.picture.height
    for i in range(VP9_REFERENCES):
        if header.refresh >> i & 1:
            references.pictures[i] = header.picture
    return header.is_shown


cdef bint ends_with_zeros(Bits *bits) noexcept nogil:
    """Skip the rest of a header's last byte; return False if it is not 0 (trailing_bits).

    The decoder of FFmpeg 9 refuses other values, which no encoder writes.
    """
    return read_bits(bits, -bits.pos & 7) == 0 and not bits.overrun


cdef bint read_uncompressed(const Vp9References *references, Bits *bits, int profile, FrameHeader *header) noexcept nogil:
    """Read the uncompressed header behind show_existing_frame; return False if it is refused."""
    cdef bint is_inter = read_bits(bits, 1)             # frame_type
    cdef bint is_intra_only = False
    cdef bint is_resilient
    header.is_shown = read_bits(bits, 1)
    is_resilient = read_bits(bits, 1)
    header.refresh = ALL_REFERENCES
    if not is_inter:
        if read_bits(bits, 24) != SYNC_CODE or not read_format(bits, profile, &header.picture.format):
            return False
        read_size(bits, &header.picture)
        skip_render_size(bits)
        if not keeps_shape(references, &header.picture):
            return False
    else:
        is_intra_only = not header.is_shown and read_bits(bits, 1)
        if not is_resilient:
            read_bits(bits, 2)                          # reset_frame_context
        if is_intra_only:
            if read_bits(bits, 24) != SYNC_CODE:
                return False
            header.picture.format = FORMAT_420
            if profile > 0 and not read_format(bits, profile, &header.picture.format):
                return False
            header.refresh = <int> read_bits(bits, 8)
            read_size(bits, &header.picture)
            skip_render_size(bits)
        elif not read_inter(references, bits, header):
            return False
    if not is_resilient:
        read_bits(bits, 2)                              # refresh_frame_context, frame_parallel
    read_bits(bits, 2)                                  # frame_context_idx
    skip_filter(bits)
    skip_quantizer(bits)
    skip_segmentation(bits)
    read_tiles(bits, header)
    header.compressed = <int> read_bits(bits, 16)
    return not bits.overrun and (
        <int64_t> header.picture.width * header.picture.height <= references.max_pixels
    )


cdef bint read_format(Bits *bits, int profile, int *format) noexcept nogil:
    """Read the depth and the chroma of pictures; return False if the profile forbids them."""
    cdef int value = 0
    if profile >= 2:
        value = 1 + <int> read_bits(bits, 1)            # 10 or 12 bits
    value <<= 3
    if read_bits(bits, 3) == RGB_SPACE:
        format[0] = value | 0b100
        return profile & 1 and not read_bits(bits, 1)
    read_bits(bits, 1)                                  # color_range
    if not profile & 1:
        format[0] = value | FORMAT_420
        return True
    value |= <int> read_bits(bits, 2)                   # subsampling_x, subsampling_y
    format[0] = value
    return value & FORMAT_420 != FORMAT_420 and not read_bits(bits, 1)


cdef void read_size(Bits *bits, Vp9Picture *picture) noexcept nogil:
    picture.width = <int> read_bits(bits, 16) + 1
    picture.height = <int> read_bits(bits, 16) + 1


cdef bint keeps_shape(const Vp9References *references, const Vp9Picture *picture) noexcept nogil:
    """Return True if a key frame has about the shape of the one before, or that shape turned."""
    cdef int64_t width = references.width
    cdef int64_t height = references.height
    if not width or not height:
        return True
    return is_about(picture.width * height, picture.height * width) or (
        is_about(picture.width * width, picture.height * height)
    )


cdef bint is_about(int64_t a, int64_t b) noexcept nogil:
    return max(a, b) - min(a, b) <= max(a, b) >> SHAPE_SHIFT


cdef void skip_render_size(Bits *bits) noexcept nogil:
    if read_bits(bits, 1):
        read_bits(bits, 32)


cdef bint read_inter(const Vp9References *references, Bits *bits, FrameHeader *header) noexcept nogil:
    """Read which pictures a frame refers to; return False if it cannot refer to them.

    A picture may be at most twice as large and at least a sixteenth (7.2.5). The decoder refuses
    other ones where a block uses them; here they are refused at once.
    """
    cdef Vp9Picture[3] sources
    cdef bint has_size = False
    cdef int i
    header.refresh = <int> read_bits(bits, 8)
    for i in range(3):
        sources[i] = references.pictures[read_bits(bits, 3)]
        read_bits(bits, 1)                              # ref_frame_sign_bias
        if not sources[i].width:
            return False
    for i in range(3):
        has_size = read_bits(bits, 1)
        if has_size:
            header.picture = sources[i]
            break
    if not has_size:
        read_size(bits, &header.picture)
    header.picture.format = references.format
    skip_render_size(bits)
    for i in range(3):
        if sources[i].format != header.picture.format or (
            2 * header.picture.width < sources[i].width or 2 * header.picture.height < sources[i].height
            or header.picture.width > 16 * sources[i].width or header.picture.height > 16 * sources[i].height
        ):
            return False
    read_bits(bits, 1)                                  # allow_high_precision_mv
    if not read_bits(bits, 1):                          # is_filter_switchable
        read_bits(bits, 2)
    return True


cdef void skip_filter(Bits *bits) noexcept nogil:
    """Skip loop_filter_params."""
    cdef int _i
    read_bits(bits, 9)
    if read_bits(bits, 1) and read_bits(bits, 1):
        for _i in range(6):
            if read_bits(bits, 1):
                read_bits(bits, 7)


cdef void skip_quantizer(Bits *bits) noexcept nogil:
    """Skip quantization_params."""
    cdef int _i
    read_bits(bits, 8)
    for _i in range(3):
        if read_bits(bits, 1):
            read_bits(bits, 5)


cdef void skip_segmentation(Bits *bits) noexcept nogil:
    """Skip segmentation_params."""
    cdef int _i, k
    if not read_bits(bits, 1):
        return
    if read_bits(bits, 1):                              # segmentation_update_map
        skip_probabilities(bits, 7)
        if read_bits(bits, 1):                          # segmentation_temporal_update
            skip_probabilities(bits, 3)
    if read_bits(bits, 1):                              # segmentation_update_data
        read_bits(bits, 1)
        for _i in range(SEGMENTS):
            for k in range(4):
                if read_bits(bits, 1):
                    read_bits(bits, FEATURE_BITS[k] + FEATURE_SIGNS[k])


cdef void skip_probabilities(Bits *bits, int count) noexcept nogil:
    cdef int _i
    for _i in range(count):
        if read_bits(bits, 1):
            read_bits(bits, 8)


cdef void read_tiles(Bits *bits, FrameHeader *header) noexcept nogil:
    """Read tile_info."""
    cdef int blocks = (header.picture.width + SMALLEST_TILE - 1) // SMALLEST_TILE
    cdef int most = 0
    header.tile_columns = header.tile_rows = 0
    while blocks > SMALLEST_TILE << header.tile_columns:
        header.tile_columns += 1
    while blocks >> (most + 1) >= 4:
        most += 1
    while header.tile_columns < most and read_bits(bits, 1):
        header.tile_columns += 1
    if read_bits(bits, 1):
        header.tile_rows = 1 + <int> read_bits(bits, 1)


cdef bint holds_tiles(const FrameHeader *header, const uint8_t *data, int size) noexcept nogil:
    """Return True if the compressed header and all tiles are there and begin with a zero bit."""
    cdef int tiles = 1 << header.tile_columns + header.tile_rows
    cdef int64_t length = header.compressed
    cdef int64_t left = size
    cdef int64_t position = 0
    cdef int i
    if not 0 < length <= left or data[0] & MARKER:
        return False
    position += length
    for i in range(tiles):
        length = left - position
        if i + 1 < tiles:
            if length < TILE_SIZE_BYTES:
                return False
            length = <int64_t> data[position] << 24 | data[position + 1] << 16 | data[position + 2] << 8 | data[position + 3]
            position += TILE_SIZE_BYTES
        if not 0 < length <= left - position or data[position] & MARKER:
            return False
        position += length
    return True
