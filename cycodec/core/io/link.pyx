# cython: no_gc_clear=True
"""Connections to URLs by FFmpeg's protocols, and what ends an operation early.

Note [Signals]

Python runs the handlers of signals, such as Ctrl-C, in its main thread, when it executes Python
code there. A scan of a file may take minutes without any. So each operation on a source looks for
signals itself, twenty times a second: between packets, and whenever FFmpeg asks whether to go on.
An exception that a handler raises ends the operation, which raises it. If other threads serve the
same request, their operations are cancelled, and end with AVERROR_EXIT.
"""

import os
import threading

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EIO
from libc.stdint cimport int64_t, uint8_t

from cycodec.libav cimport avformat, avutil


cdef enum:
    PROGRESS = 1 << 16          # a URL that gives so many bytes within its timeout has answered
    # The pause in microseconds between different operations; FFmpeg polls ten times a second.
    PAUSE = 1000000
    SIGNAL_PAUSE = 50000        # microseconds between two looks for signals
    SEEK_SET = 0
    SEEK_CUR = 1


cdef extern from "Python.h" nogil:
    # cpython.pythread declares it as one that needs the GIL
    unsigned long PyThread_get_thread_ident()


cdef unsigned long main_thread = threading.main_thread().ident


def unresolved_host(url):
    """Return the host of a URL if it has no address; None otherwise.

    FFmpeg reports an input error for it, and not its reason.
    """
    import socket
    from urllib.parse import urlsplit

    try:
        host = urlsplit(url).hostname
        if host:
            socket.getaddrinfo(host, None)
    except socket.gaierror:
        return host
    except (ValueError, UnicodeError):      # it is no URL, or no name of a host
        pass
    return None


def note_main_thread():
    """Remember the main thread of a forked process, which is the thread that forked."""
    global main_thread
    main_thread = PyThread_get_thread_ident()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=note_main_thread)


cdef int look_for_signals(WatchState *watch) noexcept nogil:
    """Return 1 if a signal handler has raised an exception, or if the operation is cancelled: Note
    [Signals].
    """
    cdef int64_t now = avutil.av_gettime_relative()
    if watch.is_interrupted or watch.is_cancelled:
        return 1
    if now - watch.last_look < SIGNAL_PAUSE or PyThread_get_thread_ident() != main_thread:
        return 0
    watch.last_look = now
    with gil:
        try:
            PyErr_CheckSignals()
        except BaseException as exception:
            (<Watch> watch.owner).failure = exception
            watch.is_interrupted = True
    return watch.is_interrupted


cdef int must_stop(void *opaque) noexcept nogil:
    """Return 1 to stop FFmpeg: see `is_too_late` and `look_for_signals`."""
    cdef WatchState *watch = <WatchState *> opaque
    if watch.timeout and is_too_late(watch):
        return 1
    return look_for_signals(watch)


cdef int is_too_late(WatchState *watch) noexcept nogil:
    """Return 1 if a URL has not given PROGRESS bytes since the operation began."""
    cdef int64_t now = avutil.av_gettime_relative()
    cdef int64_t count = 0
    if watch.link != NULL:
        count = watch.link.bytes_read
    elif watch.context != NULL and watch.context.pb != NULL:
        count = watch.context.pb.bytes_read
    if now - watch.last_call > PAUSE or (now > watch.deadline and count - watch.bytes_read >= PROGRESS):
        watch.deadline = now + watch.timeout
        watch.bytes_read = count
    watch.last_call = now
    if now > watch.deadline:
        watch.is_expired = True
        return 1
    return 0


cdef class Watch:
    """What ends an operation early: the timeout of a URL, and signals.

    Parameters
    ----------
    timeout : float
        Seconds that an operation may take; 0 waits for ever.
    """

    def __cinit__(self, double timeout=0.0):
        self.state.timeout = <int64_t> (timeout * 1e6)
        self.state.owner = <void *> self

    cdef void begin(self) noexcept nogil:
        """Begin an operation, which has the whole timeout."""
        self.state.last_call = 0

    cdef AVIOInterruptCB callback(self) noexcept nogil:
        """Return what FFmpeg calls while it works."""
        cdef AVIOInterruptCB result
        result.callback = must_stop
        result.opaque = &self.state
        return result

    cdef bint is_interrupted(self) noexcept nogil:
        """Return True if a signal handler has raised an exception, which `check` raises."""
        return look_for_signals(&self.state)

    cdef int check(self) except -1:
        """Raise the exception of a signal handler."""
        if self.state.is_interrupted:
            self.state.is_interrupted = False
            failure, self.failure = self.failure, None
            raise failure
        return 0


@cython.no_gc_clear
cdef class Link(ByteStore):
    """An open connection to a URL, which is closed with this object.

    Note [Connections that end]

    FFmpeg 8.1 sends the next request on the same connection if the answer to the last one was read
    or is nearly read. The server may have closed it: after a pause, or because FFmpeg asked it to.
    FFmpeg reports the end of the file then, and the connection cannot be used any more. So a seek
    that fails connects again, once.

    Parameters
    ----------
    watch : Watch
    """

    def __cinit__(self, Watch watch not None):
        self.watch = watch

    def __dealloc__(self):
        if self.ptr != NULL:
            self.watch.state.link = NULL
            with nogil:
                avformat.avio_closep(&self.ptr)
        avutil.av_dict_free(&self.options)

    cdef void abandon(self) noexcept:
        """Forget the connection without closing it: Note [After fork] in video/stream.pyx."""
        self.ptr = NULL

    cdef int open(self, bytes url, AVDictionary **options) except? -1:
        """Connect, and return 0 or AVERROR.

        Options that the protocol knows are taken out of the dictionary.
        """
        self.url = url
        self.text = self.url
        avutil.av_dict_copy(&self.options, options[0], 0)
        with nogil:
            return self.connect(options)

    cdef int connect(self, AVDictionary **options) noexcept nogil:
        """Replace the connection, if there is one, by a new one; 0 or AVERROR."""
        cdef AVIOInterruptCB callback = self.watch.callback()
        cdef avformat.AVIOContext *fresh = NULL
        cdef int code
        self.watch.begin()
        code = avformat.avio_open2(&fresh, self.text, avformat.AVIO_FLAG_READ, &callback, options)
        if code >= 0:
            avformat.avio_closep(&self.ptr)
            self.ptr = self.watch.state.link = fresh
            self.watch.state.bytes_read = 0
        return code

    cdef int seek(self, int64_t pos) noexcept nogil:
        """Go to a position, by a new connection if need be (Note [Connections that end]); 0 or
        AVERROR.
        """
        cdef AVDictionary *options = NULL
        cdef int64_t code = avformat.avio_seek(self.ptr, pos, SEEK_SET)
        if code < 0 and not self.must_end():
            avutil.av_dict_copy(&options, self.options, 0)
            if self.connect(&options) >= 0:
                code = avformat.avio_seek(self.ptr, pos, SEEK_SET)
            avutil.av_dict_free(&options)
        return <int> min(code, 0)

    cdef bint must_end(self) noexcept nogil:
        """Return True if the operation has failed because it was stopped."""
        return self.watch.state.is_expired or self.watch.state.is_interrupted or self.watch.state.is_cancelled

    cdef bint is_seekable(self) noexcept nogil:
        return (self.ptr.seekable & avformat.AVIO_SEEKABLE_NORMAL) != 0

    cdef int64_t read_at(self, int64_t pos, uint8_t *out, int64_t size) noexcept nogil:
        cdef int64_t code
        if self.ptr == NULL:
            return avutil.AVERROR(EIO)
        # an error stays until it is cleared
        self.ptr.error = 0
        self.ptr.eof_reached = 0
        if avformat.avio_seek(self.ptr, 0, SEEK_CUR) != pos:
            if self.is_behind_end(pos):
                return 0
            code = self.seek(pos)
            if code < 0:
                return code
        code = avformat.avio_read_partial(self.ptr, out, <int> min(size, <int64_t> 1 << 30))
        return 0 if code == avutil.AVERROR_EOF else code

    cdef bint is_behind_end(self, int64_t pos) noexcept nogil:
        """Return True if the source is known to end at or before a position.

        FFmpeg 8.1 takes a connection that was sent there for one whose answer was read, and takes
        the rest of that answer for the next one.
        """
        cdef int64_t size
        if pos < self.known_size:
            return False
        size = self.size()
        self.known_size = max(size, 0)
        return 0 < size <= pos

    cdef int64_t size(self) noexcept nogil:
        return avformat.avio_size(self.ptr) if self.ptr != NULL else avutil.AVERROR(EIO)
