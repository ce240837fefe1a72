"""Access: what opening a source may reach, and how long it may take."""

from libc.stdint cimport int64_t


cdef class Access:
    cdef readonly tuple protocols       # further protocols that the user allows
    cdef readonly tuple formats         # further formats that the user allows
    cdef readonly dict options          # FFmpeg's options, as strings
    cdef readonly double timeout        # of URLs, in seconds; 0 waits for ever
    cdef readonly int64_t max_pixels    # of one frame
    cdef readonly int64_t max_spool_bytes   # of a stream that is kept in a temporary file


cdef class Rules:
    cdef readonly bytes protocols       # FFmpeg's protocol_whitelist
    cdef readonly bytes formats         # FFmpeg's format_whitelist
    cdef readonly bint is_single        # True if the source may open nothing but itself
    cdef readonly bint is_remote        # True if the timeout holds


cdef str scheme_of(str url)
cdef Rules rules_of(Access access, str url)
cdef bint is_known_scheme(str scheme)
cdef bint is_allowed_scheme(Access access, str scheme)
cdef str playlist_in(bytes head, str url)
