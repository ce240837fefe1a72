"""Errors of the compiled rooms."""


cdef int check(int code, str operation, object source) except -1
cdef str describe_code(int code)
