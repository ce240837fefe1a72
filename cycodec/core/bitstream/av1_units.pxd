"""The units of AV1 packets, the OBUs."""

from libc.stdint cimport uint8_t, uint64_t


cdef struct Av1Packet:
    # Frames of the lowest layer that the packet shows.
    int shown
    # A hash of its sequence headers; 0 if there are none.
    uint64_t sequence


cdef bint read_av1_packet(Av1Packet *packet, const uint8_t *data, int size) noexcept nogil
