"""The headers of MPEG-4's video object planes, read against the rules of the specification.

ISO/IEC 14496-2, 6.2.2 and 6.2.3 (visual object, video object layer), 6.2.4 (group of VOPs), 6.2.5
(VOP). Ordinary planes are enough here: every unusual feature makes a header count as not legal.

Note [Times of planes]

libavcodec gives no frame for a B-VOP whose time is not between those of the two planes around it.
Each header tells its seconds relative to an earlier plane, so that the times of all planes must be
followed. Only differences matter. Therefore the first time may be any.
"""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.bitstream.bits cimport Bits, open_bits, read_bits
from cycodec.core.bitstream.start_codes cimport next_start_code


cdef enum:
    LAST_OBJECT = 0x1F          # start codes (table 6-3)
    FIRST_LAYER = 0x20
    LAST_LAYER = 0x2F
    SEQUENCE_START = 0xB0
    USER_DATA_START = 0xB2
    GROUP_START = 0xB3
    OBJECT_START = 0xB5
    VOP_START = 0xB6
    SIMPLE_STUDIO = 14          # the upper half of profile_and_level_indication
    VIDEO_OBJECT = 1            # visual_object_type
    SIMPLE = 1                  # video_object_type_indication
    ADVANCED_SIMPLE = 17
    EXTENDED_ASPECT = 15
    CHROMA_420 = 1
    GROUP_BYTES = 7             # of a group header with its start code
    MOST_SECONDS = 60           # between two planes
    LARGEST_DISTANCE = 65535
    VOP_I = 0                   # vop_coding_type
    VOP_P = 1
    VOP_B = 2
    MATRIX_ENTRIES = 64


cdef bint read_video_layer(const uint8_t *data, int size, VideoLayer *layer) noexcept nogil:
    """Read the headers that precede the first plane; return False if one of them is unusual.

    User data of DivX are unusual, because they change how libavcodec divides packets.
    """
    cdef int position = next_start_code(data, 0, size)
    cdef int end, length
    cdef int layers = 0
    if position != 3:
        return False
    while position < size:
        end = next_start_code(data, position, size)
        length = (end - 3 if end < size else size) - position
        if data[position] == SEQUENCE_START:
            if length < 2 or data[position + 1] >> 4 == SIMPLE_STUDIO:
                return False
        elif data[position] == OBJECT_START:
            if not is_video_object(data + position + 1, length - 1):
                return False
        elif FIRST_LAYER <= data[position] <= LAST_LAYER:
            layers += 1
            if not read_layer(data + position + 1, length - 1, layer):
                return False
        elif data[position] == USER_DATA_START:
            if length > 1 and data[position + 1] == c"D":
                return False
        elif data[position] > LAST_OBJECT:
            return False
        position = end
    return layers == 1


cdef bint is_video_object(const uint8_t *data, int size) noexcept nogil:
    """Return True if the header of a visual object is that of ordinary video."""
    cdef Bits bits
    open_bits(&bits, data, size)
    if read_bits(&bits, 1):
        read_bits(&bits, 7)
    if read_bits(&bits, 4) != VIDEO_OBJECT:
        return False
    if read_bits(&bits, 1):             # video_signal_type
        read_bits(&bits, 4)
        if read_bits(&bits, 1):
            read_bits(&bits, 24)
    return not bits.overrun


cdef bint read_layer(const uint8_t *data, int size, VideoLayer *layer) noexcept nogil:
    """Read the header of a video object layer; return False if it is unusual."""
    cdef Bits bits
    cdef unsigned version = 1
    cdef unsigned kind, width, height
    open_bits(&bits, data, size)
    read_bits(&bits, 1)
    kind = read_bits(&bits, 8)
    if kind != SIMPLE and kind != ADVANCED_SIMPLE:
        return False
    if read_bits(&bits, 1):
        version = read_bits(&bits, 4)
        read_bits(&bits, 3)
    if read_bits(&bits, 4) == EXTENDED_ASPECT:
        read_bits(&bits, 16)
    if not read_layer_control(&bits, layer):
        return False
    # the shape is a rectangle
    if read_bits(&bits, 2) != 0 or not read_bits(&bits, 1):
        return False
    layer.resolution = read_bits(&bits, 16)
    if layer.resolution == 0 or not read_bits(&bits, 1):
        return False
    layer.time_bits = 1
    while (layer.resolution - 1) >> layer.time_bits:
        layer.time_bits += 1
    if read_bits(&bits, 1):             # fixed_vop_rate
        read_bits(&bits, layer.time_bits)
    if not read_bits(&bits, 1):
        return False
    width = read_bits(&bits, 13)
    if not read_bits(&bits, 1):
        return False
    height = read_bits(&bits, 13)
    if not read_bits(&bits, 1) or width == 0 or height == 0:
        return False
    layer.macroblocks = <int> ((width + 15 >> 4) * (height + 15 >> 4))
    return has_ordinary_tools(&bits, layer, version)


cdef bint read_layer_control(Bits *bits, VideoLayer *layer) noexcept nogil:
    """Read vol_control_parameters; return False for a wrong value."""
    cdef int i
    layer.may_reorder = False
    if not read_bits(bits, 1):
        return True
    if read_bits(bits, 2) != CHROMA_420:
        return False
    layer.may_reorder = not read_bits(bits, 1)
    if read_bits(bits, 1):              # the video buffering verifier's
        for i in range(5):
            # two fields of 3 and 11 bits stand in the fourth place
            read_bits(bits, 14 if i == 3 else 15)
            if not read_bits(bits, 1):
                return False
    return True


cdef bint has_ordinary_tools(Bits *bits, VideoLayer *layer, unsigned version) noexcept nogil:
    """Read a layer's header from `interlaced` on; return False if it is unusual."""
    layer.is_interlaced = read_bits(bits, 1)
    # no overlapped motion, no sprites, 8 bits
    if not read_bits(bits, 1) or read_bits(bits, 1 if version == 1 else 2) or read_bits(bits, 1):
        return False
    if read_bits(bits, 1) and not (skip_matrix(bits) and skip_matrix(bits)):
        return False
    if version != 1:
        read_bits(bits, 1)              # quarter_sample
    if not read_bits(bits, 1):          # complexity_estimation_disable
        return False
    read_bits(bits, 1)
    if read_bits(bits, 1):              # data_partitioned
        read_bits(bits, 1)
    # no newpred, no reduced resolution, no scalability
    return not (version != 1 and read_bits(bits, 2)) and not read_bits(bits, 1) and not bits.overrun


cdef bint skip_matrix(Bits *bits) noexcept nogil:
    """Read a matrix of quantization that may follow; return False if the data end in it."""
    cdef int _i
    if read_bits(bits, 1):
        for _i in range(MATRIX_ENTRIES):
            if read_bits(bits, 8) == 0:
                break
    return not bits.overrun


cdef bint is_legal_plane(const VideoLayer *layer, PlaneClock *clock, const uint8_t *data, int size) noexcept nogil:
    """Return True if data begin with the header of a plane, or of a group and a plane, whose fields
    all have values that the specification allows. The clock advances.

    See Note [Times of planes].
    """
    cdef Bits bits
    cdef unsigned kind, increment
    cdef int64_t seconds = 0
    if size > GROUP_BYTES and data[3] == GROUP_START:
        if not is_legal_group(clock, data):
            return False
        data += GROUP_BYTES
        size -= GROUP_BYTES
    if size < 5 or data[0] or data[1] or data[2] != 1 or data[3] != VOP_START:
        return False
    open_bits(&bits, data + 4, size - 4)
    kind = read_bits(&bits, 2)
    while seconds <= MOST_SECONDS and read_bits(&bits, 1):
        seconds += 1
    if seconds > MOST_SECONDS or not read_bits(&bits, 1):
        return False
    increment = read_bits(&bits, layer.time_bits)
    # a marker, and vop_coded
    if increment >= layer.resolution or read_bits(&bits, 2) != 3:
        return False
    if not advance(clock, layer, kind, seconds, increment):
        return False
    if kind == VOP_P:
        read_bits(&bits, 1)             # vop_rounding_type
    read_bits(&bits, 5 if layer.is_interlaced else 3)
    if read_bits(&bits, 5) == 0 or (kind != VOP_I and read_bits(&bits, 3) == 0):
        return False
    if kind == VOP_B:
        return read_bits(&bits, 3) != 0 and not bits.overrun
    # libavcodec refuses a picture that has not half a bit for each macroblock
    return bits.size - bits.pos >= layer.macroblocks and not bits.overrun


cdef bint is_legal_group(PlaneClock *clock, const uint8_t *data) noexcept nogil:
    """Read the header of a group of VOPs; return False for a wrong value."""
    cdef Bits bits
    cdef unsigned hours, minutes, seconds
    open_bits(&bits, data, GROUP_BYTES)
    if read_bits(&bits, 24) != 1 or read_bits(&bits, 8) != GROUP_START:
        return False
    hours = read_bits(&bits, 5)
    minutes = read_bits(&bits, 6)
    if hours > 23 or minutes > 59 or not read_bits(&bits, 1):
        return False
    seconds = read_bits(&bits, 6)
    if seconds > 59:
        return False
    clock.second = seconds + 60 * (minutes + 60 * hours)
    return True


cdef bint advance(PlaneClock *clock, const VideoLayer *layer, unsigned kind, int64_t seconds,
                  unsigned increment) noexcept nogil:
    """Note the time of the next plane; return False if a B-VOP is not between its neighbours."""
    cdef int64_t time
    if kind == VOP_I or kind == VOP_P:
        clock.second_before = clock.second
        clock.second += seconds
        time = clock.second * layer.resolution + increment
        clock.distance = time - clock.time
        clock.time = time
        return True
    if kind != VOP_B or not layer.may_reorder or layer.is_interlaced:
        return False
    time = (clock.second_before + seconds) * layer.resolution + increment
    # libavcodec keeps the distance in 16 bits
    return clock.distance <= LARGEST_DISTANCE and clock.time - clock.distance < time < clock.time
