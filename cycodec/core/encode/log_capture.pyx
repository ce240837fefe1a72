"""What FFmpeg writes to its log during one call: Note [Log of one thread] in log_capture.c."""

import re


cdef extern from "encode/log_capture.h" nogil:
    void log_capture_begin()
    const char *log_capture_end()


cdef void begin_log() noexcept nogil:
    """Keep the warnings and errors that this thread causes from here on."""
    log_capture_begin()


cdef str end_log():
    """Stop, and return the lines that were kept, without the addresses of FFmpeg's objects."""
    text = (<bytes> log_capture_end()).decode("utf-8", "replace").strip()
    return re.sub(r" @ (0x)?[0-9a-fA-F]+\]", "]", text)
