"""The units of AV1 packets, the OBUs (AV1 bitstream specification, 5.3 to 5.9.2)."""

from libc.stdint cimport int64_t, uint8_t, uint64_t


cdef enum:
    SEQUENCE_HEADER = 1         # obu_type
    FRAME_HEADER = 3
    FRAME = 6
    FORBIDDEN = 0x80            # bits of the first byte of a unit
    HAS_EXTENSION = 4
    HAS_SIZE = 2
    SHOW_EXISTING = 0x80        # bits of the first byte of a frame header
    SHOW_FRAME = 0x10
    LONGEST_NUMBER = 8          # bytes of a number of variable length


cdef bint read_av1_packet(Av1Packet *packet, const uint8_t *data, int size) noexcept nogil:
    """Read the units of a packet; return False if they do not fit.

    The stream must not consist of reduced still pictures.
    """
    cdef int64_t length
    cdef int position = 0
    cdef int first, layer, kind, i
    packet.shown = 0
    packet.sequence = 0
    while position < size:
        first = data[position]
        kind = (first >> 3) & 15
        position += 1
        layer = 0
        if first & FORBIDDEN:
            return False
        if first & HAS_EXTENSION:
            if position >= size:
                return False
            layer = (data[position] >> 3) & 3
            position += 1
        length = size - position
        if first & HAS_SIZE:
            length = 0
            for i in range(LONGEST_NUMBER):
                if position >= size:
                    return False
                length |= <int64_t> (data[position] & 0x7F) << 7 * i
                position += 1
                if not data[position - 1] & 0x80:
                    break
        if length > size - position:
            return False
        if kind in (FRAME_HEADER, FRAME) and layer == 0:
            if length == 0:
                return False
            packet.shown += (data[position] & (SHOW_EXISTING | SHOW_FRAME)) != 0
        if kind == SEQUENCE_HEADER:
            for i in range(<int> length):
                # in the manner of FNV-1a
                packet.sequence = (packet.sequence ^ data[position + i] ^ <uint64_t> 0xCBF29CE484222325U) * (
                    <uint64_t> 0x100000001B3
                )
        position += <int> length
    return True
