"""The C heap of the process.

Note [Heap memory]

glibc returns the free end of its heap to the system when more than 128 KiB are free. The packets
that opening a file reads are freed together, so that each opening pays for fresh pages again: a
third of the time for MPEG transport and program streams. glibc keeps more once a large block was
freed (M_MMAP_THRESHOLD in mallopt(3)). So cycodec allocates and frees one block when it is loaded.
The pages of this block are never touched. Limits that the user sets are unaffected.
"""

from cycodec.libav cimport avutil


cdef enum:
    KEPT_BYTES = 8 << 20        # glibc keeps up to twice as much


cdef inline void keep_freed_memory() noexcept nogil:
    """Make the heap keep what is freed: Note [Heap memory]."""
    # through FFmpeg, because a compiler removes a malloc that is only freed
    avutil.av_free(avutil.av_malloc(KEPT_BYTES))
