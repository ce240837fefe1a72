"""What is known of an audio codec: how its packets and frames belong together."""

from libc.stdint cimport uint8_t


cdef bint has_overlaps(int codec) noexcept nogil
cdef bint gives_frame_per_packet(int codec) noexcept nogil
cdef bint has_fixed_length(int codec) noexcept nogil
cdef bint has_checksums(int codec) noexcept nogil
cdef bint has_true_table(int codec) noexcept nogil
cdef bint is_whole(int codec, const uint8_t *data, int size) noexcept nogil
cdef bint is_tag(const uint8_t *data) noexcept nogil
cdef bint stores_timestamps(str format_name)
cdef bint is_found_by_place(str format_name)
