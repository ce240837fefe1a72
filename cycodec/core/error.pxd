"""FFmpeg's error codes as exceptions."""


cdef int check(int code, str operation, object source) except -1
cdef str describe_code(int code)
