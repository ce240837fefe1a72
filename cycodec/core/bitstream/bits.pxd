"""The bit reader: fixed-length and Exp-Golomb codes, the first bit of a byte first."""

from libc.stdint cimport uint8_t


cdef struct Bits:
    const uint8_t *data
    int size                # in bits
    int pos                 # number of the next bit
    bint overrun            # True if more was read than there is


cdef inline void open_bits(Bits *bits, const uint8_t *data, int num_bytes) noexcept nogil:
    bits.data = data
    bits.size = 8 * num_bytes
    bits.pos = 0
    bits.overrun = False


cdef inline unsigned read_bits(Bits *bits, int count) noexcept nogil:
    """Read an unsigned number of at most 32 bits; return 0 at the end, and set `overrun`."""
    cdef unsigned value = 0
    cdef int _i
    for _i in range(count):
        if bits.pos >= bits.size:
            bits.overrun = True
            return 0
        value = value << 1 | ((bits.data[bits.pos >> 3] >> (7 - (bits.pos & 7))) & 1)
        bits.pos += 1
    return value


cdef inline unsigned read_golomb(Bits *bits) noexcept nogil:
    """Read an unsigned Exp-Golomb code, ue(v) in the specifications of H.264 and HEVC."""
    cdef int zeros = 0
    while not read_bits(bits, 1):
        zeros += 1
        if zeros > 31 or bits.overrun:
            bits.overrun = True
            return 0
    return (1u << zeros) - 1 + read_bits(bits, zeros)


cdef inline int read_signed_golomb(Bits *bits) noexcept nogil:
    """Read a signed Exp-Golomb code, se(v)."""
    cdef unsigned code = read_golomb(bits)
    return <int> ((code + 1) >> 1) if code & 1 else -<int> (code >> 1)
