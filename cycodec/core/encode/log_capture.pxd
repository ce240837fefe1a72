"""What FFmpeg writes to its log during one call."""


cdef void begin_log() noexcept nogil
cdef str end_log()
