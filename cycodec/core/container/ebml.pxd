"""Headers and numbers of EBML elements (RFC 8794), which Matroska files consist of."""

from libc.stdint cimport int64_t, uint8_t, uint64_t


cdef enum:
    CHUNK = 64                  # bytes of one read: Note [Small reads] in matroska.pyx
    UNUSUAL = -1                # what a function returns for bytes that it cannot read


cdef enum:
    UNKNOWN_SIZE = -1           # size of an element that ends with its parent


cdef struct ByteSource:
    const uint8_t *memory       # NULL if the source is a file
    int descriptor              # the file, if `memory` is NULL
    int64_t base                # position of the source in the file
    int64_t size
    int64_t start               # position of the chunk
    int length                  # bytes in the chunk
    uint8_t[CHUNK] chunk


cdef void read_chunk(ByteSource *source, int64_t position) noexcept nogil


cdef inline const uint8_t *look(ByteSource *source, int64_t position, int count) noexcept nogil:
    """Return `count` bytes at a position; NULL if the source ends before."""
    if position + count > source.size:
        return NULL
    if source.memory != NULL:
        return source.memory + position
    if position < source.start or position + count > source.start + source.length:
        read_chunk(source, position)
        if count > source.length:
            return NULL
    return source.chunk + (position - source.start)


cdef inline int number_length(int first, int longest) noexcept nogil:
    """Return the length of a variable-size number by its first byte.

    Return `longest` + 1 if the number is longer than `longest`.
    """
    cdef int length = 1
    while length <= longest and not first & (0x100 >> length):
        length += 1
    return length


cdef inline int read_element(ByteSource *source, int64_t position, int64_t *identifier, int64_t *size) noexcept nogil:
    """Read an element's identifier and size, and return the length of its header.

    Return 0 at the end of the source, and UNUSUAL for an unusual element.
    """
    cdef const uint8_t *data = look(source, position, 1)
    cdef int id_length, size_length, i
    cdef int64_t value = 0
    if data == NULL:
        return 0
    id_length = number_length(data[0], 4)
    data = look(source, position, id_length + 1)
    if id_length > 4 or data == NULL:
        return UNUSUAL
    for i in range(id_length):
        value = value << 8 | data[i]
    identifier[0] = value
    size_length = number_length(data[id_length], 8)
    data = look(source, position + id_length, size_length)
    if size_length > 8 or data == NULL:
        return UNUSUAL
    value = data[0] & (0xFF >> size_length)
    for i in range(1, size_length):
        value = value << 8 | data[i]
    size[0] = UNKNOWN_SIZE if value == (<int64_t> 1 << (7 * size_length)) - 1 else value
    return id_length + size_length


cdef inline int64_t read_unsigned(ByteSource *source, int64_t position, int64_t size) noexcept nogil:
    """Return the number that an element's payload holds; -1 if it is 2^63 or larger, or cut off."""
    cdef const uint8_t *data = look(source, position, <int> size) if 0 <= size <= 8 else NULL
    cdef uint64_t value = 0
    cdef int i
    if data == NULL:
        return -1
    for i in range(size):
        value = value << 8 | data[i]
    return <int64_t> value if value >> 63 == 0 else -1
