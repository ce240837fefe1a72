"""Bytes from a path or URL, a buffer, a Python file-like object, or a part of a file.

An IOContext gives FFmpeg the bytes of a store (`byte_store`). Paths are read by `local_file`,
file-like objects by `file_object`, streams that cannot seek by `spool`. FFmpeg's protocols read
URLs (`link`). The callbacks never raise: a store keeps an exception, and the next `check` raises it
instead of FFmpeg's error.
"""

import io
import operator
import os
import re
import stat
import warnings

from libc.errno cimport EIO
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from cycodec.core import libraries

from cycodec.core cimport error
from cycodec.core.error import (
    FFmpegValueError,
    InvalidDataError,
    SourceIsDirectoryError,
    SourceNotFoundError,
    SourcePermissionError,
    SourceUnreachableError,
    StaleIndexError,
    UnsupportedError,
)
from cycodec.core.io.avio cimport free_avio, new_avio
from cycodec.core.io.access cimport Access, is_allowed_scheme, is_known_scheme, rules_of, scheme_of
from cycodec.core.io.byte_store cimport ByteStore, MemoryBytes
from cycodec.core.io.file_object cimport (
    FileObject, RemoteFile, can_seek, open_file_of, refuse_closed, remote_file_of,
)
from cycodec.core.io.link cimport Link, Watch
from cycodec.core.io.link import unresolved_host
from cycodec.core.io.local_file cimport LocalFile
from cycodec.core.io.place cimport read_part, read_place, seek_place, size_of
from cycodec.core.io.spool cimport Spool

from cycodec.libav cimport avutil
from cycodec.libav.avutil cimport AVDictionary


cdef Access ORDINARY_ACCESS = Access()

URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://|file:)")

# URLs whose bytes cycodec reads through FFmpeg's protocol, so that it can read them as a stream.
cdef frozenset LINKED = frozenset(("http", "https", "ftp", "sftp"))
# Options of FFmpeg's file protocol. FFmpeg itself opens a path with one of them.
cdef frozenset FILE_OPTIONS = frozenset(("blocksize", "follow", "seekable", "truncate"))
# Schemes of object stores and the like, which other libraries read.
cdef frozenset FSSPEC_SCHEMES = frozenset((
    "abfs", "abfss", "adl", "az", "gcs", "gdrive", "git", "github", "gs", "hdfs", "hf", "oci", "oss", "r2", "s3",
    "s3a", "s3n", "smb", "ssh", "wasb", "wasbs", "webhdfs",
))


cdef str describe_source(object origin):
    """Return a short name of a source for errors."""
    if isinstance(origin, str):
        return origin
    if isinstance(origin, (bytes, bytearray)):
        return f"<{len(origin)} bytes>"
    if isinstance(origin, tuple):
        return f"{origin[0]}, bytes {origin[1]} to {origin[1] + origin[2]}"
    name = getattr(origin, "name", None)
    kind = type(origin).__name__
    return f"<{kind} {name!r}>" if isinstance(name, (str, bytes)) else f"<{kind}>"


cdef str path_of(object origin):
    """Return a str or path-like object as a plain str."""
    path = os.fspath(origin)
    return os.fsdecode(path) if isinstance(path, bytes) else str.__str__(path)    # np.str_ is a str


cdef tuple part_of(tuple origin):
    """Return a part of a file as (path or URL, offset, length), checked.

    Raises TypeError or FFmpegValueError.
    """
    if len(origin) != 3 or not isinstance(origin[0], (str, os.PathLike)):
        raise TypeError(
            "a tuple is a source only as (path_or_url, offset, length), a part of a file; others are not sources"
        )
    path = path_of(origin[0])
    numbers = []
    for what, value, least in (("offset", origin[1], 0), ("length", origin[2], 1)):
        try:
            number = operator.index(value)
        except TypeError:
            raise TypeError(f"{path}: the {what} of a part must be an integer, not {type(value).__name__}") from None
        if isinstance(value, bool):
            raise TypeError(f"{path}: the {what} of a part must be an integer, not bool")
        if number < least or number >= 1 << 62:
            raise FFmpegValueError(
                f"{path}: the {what} of a part must be at least {least} and below 2**62, not {number}", source=path,
                operation="open",
            )
        numbers.append(number)
    return path, numbers[0], numbers[1]


cdef class IOContext:
    """A readable source.

    Parameters
    ----------
    origin : str, os.PathLike, buffer, file-like or tuple
        A path or URL, an object with the buffer protocol (bytes, memoryview, uint8 NumPy array), an
        object with ``read(size)``, or (path or URL, offset, length).
    name : str, optional
        Its name in errors; the default is made from `origin`.
    access : Access, optional
        What opening it may reach: Note [One resource] in access.pyx.
    root : IOContext, optional
        The first context of the same source, which shares its bytes with this one.
    """

    def __cinit__(self, object origin, str name=None, Access access=None, IOContext root=None):
        self.access = access if access is not None else ORDINARY_ACCESS
        self.place.length = -1
        self.link_options = ()
        if root is not None:
            self.take_over(root)
            return
        if isinstance(origin, (str, os.PathLike)):
            origin = path_of(origin)
        elif isinstance(origin, tuple):
            origin = part_of(origin)
        self.origin = origin
        self.name = name or describe_source(origin)
        self.root = None
        self.url = ""
        if isinstance(origin, str):
            self.open_path(origin, self.name)
        elif isinstance(origin, tuple):
            self.open_part(*origin)
        elif hasattr(origin, "read") or isinstance(origin, RemoteFile):
            self.open_file(origin)
        else:
            self.open_memory(origin)
        self.rules = rules_of(self.access, self.url)
        if self.link_url is not None and self.url and not self.rules.is_single:
            self.link_url = None        # FFmpeg opens the parts of a playlist itself
        is_remote = self.rules.is_remote or self.link_url is not None
        self.watch = Watch(self.access.timeout if is_remote else 0.0)

    def take_over(self, IOContext root not None):
        """Become another context of a source."""
        self.root = root
        self.origin, self.name, self.url = root.origin, root.name, root.url
        self.access, self.rules, self.link_url = root.access, root.rules, root.link_url
        self.link_options = root.link_options
        self.place.base, self.place.length = root.place.base, root.place.length
        if root.store is None or isinstance(root.store, Link):
            self.watch = Watch(root.watch.state.timeout / 1e6)      # for a connection of its own
        else:
            # a spool is read through the connection of its first context
            self.watch = root.watch
            self.use_store(root.store)

    def __dealloc__(self):
        self.free()

    cdef void free(self) noexcept:
        if self.owns_ptr:
            free_avio(&self.ptr)
        self.ptr = NULL

    cdef void abandon(self) noexcept:
        """Forget all resources without freeing them: Note [After fork] in video/stream.pyx."""
        self.ptr = NULL
        if self.link is not None:
            self.link.abandon()

    def again(self):
        """Return another context of the same source."""
        return IOContext(None, None, self.access, self if self.root is None else self.root)

    def in_child(self):
        """Return a context of the same source for a forked process.

        Raises
        ------
        TypeError
            Only the process that opened the source can read it.
        StaleIndexError
            The file is another one now.
        """
        cdef IOContext root = self if self.root is None else self.root
        cdef IOContext other
        if root.link_url is not None or root.store is None:
            return IOContext(root.origin, root.name, root.access)
        other = IOContext(None, None, root.access, root)
        other.root = None
        other.use_store(root.store.in_child(root.name))
        return other

    # -- kinds of sources ------------------------------------------------------------------------

    def open_path(self, str path, str name):
        """Open a path, or note a URL."""
        if "\0" in path:
            raise FFmpegValueError(f"{path!r}: a path cannot hold a null character", source=path, operation="open")
        if self.open_url(path):
            if not self.url.startswith("file:"):
                return
            path = self.url[5:]
            if path.startswith("//"):
                path = path[2:]
        else:
            # without the prefix, FFmpeg would take "a:b.mp4" for a protocol
            self.url = "file:" + path
        try:
            status = os.stat(path)
        except FileNotFoundError:
            raise SourceNotFoundError(
                f"{name!r}: no such file (check the path; relative paths start at {os.getcwd()!r})",
                source=name, operation="open", errno=2,
            ) from None
        except OSError as failure:
            error.check(-failure.errno, "open", name)
            raise
        if stat.S_ISDIR(status.st_mode):
            raise SourceIsDirectoryError(
                f"{name!r} is a directory (give the path of a file)", source=name, operation="open", errno=21
            )
        if not os.access(path, os.R_OK):
            raise SourcePermissionError(
                f"{name!r} may not be read (check its permissions)", source=name, operation="open", errno=13
            )
        try:
            if stat.S_ISFIFO(status.st_mode):
                self.use_store(Spool(open(path, "rb", buffering=0), name, self.access.max_spool_bytes))
            elif stat.S_ISREG(status.st_mode) and not FILE_OPTIONS.intersection(self.access.options):
                self.use_store(LocalFile(path))
        except OSError as failure:
            error.check(-failure.errno, "open", name)
            raise

    def open_url(self, str url):
        """Take a str for a URL, or return False if it is a path."""
        scheme = scheme_of(url)
        if scheme is None or os.path.exists(url):
            return False
        if not URL.match(url) and not (is_known_scheme(scheme) and scheme in self.access.protocols):
            return False
        if scheme in FSSPEC_SCHEMES and not is_known_scheme(scheme):
            raise UnsupportedError(
                f"{url!r}: FFmpeg does not read URLs of scheme {scheme!r} (open it with fsspec and pass the file: "
                f"`VideoDecoder(fsspec.open({url!r}).open())`)", source=url, operation="open",
            )
        if not is_allowed_scheme(self.access, scheme):
            raise SourcePermissionError(
                f"{url!r}: URLs of scheme {scheme!r} are not opened by default (pass protocols=[{scheme!r}] if you "
                "trust where the URL comes from)", source=url, operation="open", errno=13,
            )
        # FFmpeg knows schemes in lower case only
        self.url = url[:len(scheme)].lower() + url[len(scheme):]
        if scheme in LINKED:
            self.link_url = self.url
        return True

    def open_part(self, str path, int64_t offset, int64_t length):
        """Open a part of a file. Its name and its neighbours tell FFmpeg nothing."""
        self.open_path(path, path)
        self.place.base = offset
        self.place.length = length
        if self.store is None and self.link_url is None:
            raise UnsupportedError(
                f"{path}: parts are read from regular files and from URLs of {', '.join(sorted(LINKED))} only",
                source=path, operation="open",
            )
        self.url = ""
        if self.store is not None:
            self.check_bounds(self.store.size())

    def check_bounds(self, int64_t size):
        """Raise FFmpegValueError if a part ends beyond a store of so many bytes; below 0: unknown.
        """
        if self.place.length >= 0 and 0 <= size < self.place.base + self.place.length:
            raise FFmpegValueError(
                f"{self.name}: the part ends beyond the file, which has {size} bytes (check offset and length)",
                source=self.name, operation="open",
            )

    def open_memory(self, object origin):
        store = MemoryBytes(origin)
        if (<MemoryBytes> store).length == 0:
            raise InvalidDataError(f"{self.name}: the source is empty (0 bytes)", source=self.name, operation="open")
        self.use_store(store)

    def open_file(self, object origin):
        """Open a file-like object: Note [What is behind a file-like object] in file_object.pyx."""
        if isinstance(origin, RemoteFile):
            origin = self.origin = origin.open()
            self.name = describe_source(origin)
        refuse_closed(origin, self.name)
        if type(origin) is io.BytesIO:
            self.open_memory(origin.getvalue())
            return
        plain = open_file_of(origin)
        if plain is not None:
            self.use_store(LocalFile(plain[1], plain[0]))
            return
        if can_seek(origin):
            try:
                self.use_store(FileObject(origin, self.name))
                return
            except io.UnsupportedOperation:
                pass
        self.use_store(Spool(origin, self.name, self.access.max_spool_bytes))

    def close(self):
        """Let go of the bytes. Contexts that were made by `again` keep them."""
        self.store = None
        self.place.store = NULL

    # -- what is known about the source ----------------------------------------------------------

    @property
    def path(self):
        """The path of a local file that the user gave; None for every other source."""
        if self.store is None or not isinstance(self.origin, str) or not isinstance(self.store, LocalFile):
            return None
        return (<LocalFile> self.store).path

    cdef bint has_failed(self) noexcept nogil:
        """Return True if the next `check` raises an exception that no code of FFmpeg's tells."""
        return self.watch.state.is_interrupted or self.watch.state.is_cancelled or self.pending is not None or (
            self.store is not None and self.store.failure is not None
        )

    @property
    def failed(self):
        """True if a file-like object has raised an exception that the next `check` raises."""
        return self.pending is not None or (self.store is not None and self.store.failure is not None)

    @property
    def is_sharable(self):
        """True if several contexts of the source may be read at the same time."""
        cdef IOContext root = self if self.root is None else self.root
        return not isinstance(root.store, (FileObject, Spool))

    @property
    def size(self):
        """The number of bytes, or None if that is not known without a request."""
        cdef int64_t size
        if self.store is None or not isinstance(self.store, (LocalFile, MemoryBytes)):
            return None
        size = self.byte_size()
        return size if size >= 0 else None

    def check_unchanged(self):
        """Raise StaleIndexError if a local file has changed since it was opened."""
        if self.store is not None:
            self.store.check_unchanged(self.name)

    @property
    def identity(self):
        """What tells a local file from another, or None: `LocalFile.identity` and a digest."""
        if not isinstance(self.store, LocalFile):
            return None
        self.check_unchanged()
        return (<LocalFile> self.store).identity, (<LocalFile> self.store).digest()

    def check_identity(self, identity):
        """Raise StaleIndexError if the source is not the file that has an identity.

        A copy of the file, as another machine may have it, has the same size and digest.
        """
        cdef LocalFile file
        if identity is None or not isinstance(self.store, LocalFile):
            return
        file = self.store
        before, digest = identity
        if file.identity == before:
            return
        if file.identity[:2] == before[:2] or file.identity[2] != before[2] or file.digest() != digest:
            raise StaleIndexError(
                f"{self.name}: the file has changed since the decoder was pickled: it had {before[2]} bytes and has "
                f"{file.identity[2]} (make a new decoder)", source=self.name, operation="open",
            )

    def picklable_origin(self):
        """Return a source by which another process can open the same bytes.

        Raises
        ------
        TypeError
            Only this process can read them.
        """
        cdef IOContext root = self if self.root is None else self.root
        origin = root.origin
        if not hasattr(origin, "read") or type(origin) is io.BytesIO:
            if isinstance(root.store, Spool) and root.link_url is None:
                raise TypeError(f"{self.name}: a decoder of a pipe cannot be pickled (store the stream in a file)")
            return origin
        if isinstance(root.store, LocalFile) and (<LocalFile> root.store).path is not None:
            return (<LocalFile> root.store).path
        remote = remote_file_of(origin)
        if remote is None:
            raise TypeError(
                f"a decoder of a file-like source ({type(origin).__name__}) cannot be pickled or copied: its reader "
                "belongs to one process (pass a path or bytes, or make the decoder in the worker)"
            )
        return remote

    # -- reading ---------------------------------------------------------------------------------

    cdef int use_store(self, ByteStore store) except -1:
        self.store = store
        self.place.store = <void *> store
        return 0

    cdef int connect(self, AVDictionary **options) except? -1:
        """Make the source ready for FFmpeg; return AVERROR if a URL does not answer.

        Options that a protocol knows are taken out of the dictionary.
        """
        cdef int code
        if self.ptr != NULL or (self.store is None and self.link_url is None):
            return 0
        if self.store is None:
            code = self.open_link(options)
            if code < 0:
                return code
        for name in self.link_options:
            avutil.av_dict_set(options, name, NULL, 0)
        return self.allocate()

    def open_bytes(self):
        """Make `read_at` usable, for a reader that needs no AVIOContext."""
        cdef AVDictionary *options = NULL
        if self.store is None and self.link_url is not None:
            code = self.open_link(&options)
            self.check(code, "open")

    def may_be_wav(self):
        """Return True if the source may be a WAV file, as far as its bytes are at hand."""
        cdef uint8_t head[12]
        if self.store is None:
            return False
        if not isinstance(self.store, MemoryBytes):
            return True
        # memory needs no waiting
        return self.read_at(0, head, 12) == 12 and memcmp(head + 8, b"WAVE", 4) == 0

    cdef int open_link(self, AVDictionary **options) except? -1:
        """Connect to the URL, which becomes the store."""
        cdef IOContext root = self if self.root is None else self.root
        cdef bytes url = self.link_url.encode("utf-8", "surrogateescape")
        cdef bytes protocols = rules_of(self.access, self.link_url).protocols
        cdef AVDictionary *own = NULL
        cdef Link link = Link(self.watch)
        cdef int64_t size
        cdef int code
        avutil.av_dict_copy(&own, options[0], 0)
        authorities = libraries.certificates()
        if authorities is not None and b"://" in url:
            avutil.av_dict_set(&own, "ca_file", os.fsencode(authorities), avutil.AV_DICT_DONT_OVERWRITE)
        try:
            avutil.av_dict_set(&own, "protocol_whitelist", protocols, 0)
            code = link.open(url, &own)
            if code < 0:
                return code
            names = [name.encode() for name in self.access.options]
            taken = [name for name in names if avutil.av_dict_get(own, name, NULL, 0) == NULL]
        finally:
            avutil.av_dict_free(&own)
        self.link = link
        self.link_options = root.link_options = tuple(taken)
        if self.place.length >= 0:
            with nogil:
                size = link.size()
            self.check_bounds(size)
        if link.is_seekable():
            self.use_store(link)
        else:
            self.keep_stream(link)
        return 0

    def keep_stream(self, Link link not None):
        """Read a URL whose server does not answer requests for ranges through a temporary file."""
        cdef IOContext root = self if self.root is None else self.root
        warnings.warn(
            f"{self.name}: the server does not send parts of this file, so it is read from its beginning and kept "
            f"in a temporary file (at most max_spool_bytes, {self.access.max_spool_bytes})", stacklevel=2,
        )
        spool = Spool(link, self.name, self.access.max_spool_bytes)
        root.use_store(spool)
        root.watch = self.watch
        self.use_store(spool)

    cdef int allocate(self) except -1:
        """Make an AVIOContext that reads the store."""
        self.place.pos = 0
        self.ptr = new_avio(&self.place, read_place, NULL, seek_place)
        self.owns_ptr = True
        if isinstance(self.store, Spool) and not (<Spool> self.store).has_known_size():
            self.ptr.seekable = 0       # Note [Forward only] in spool.pyx
        return 0

    cdef int64_t read_at(self, int64_t pos, uint8_t *out, int64_t size) noexcept nogil:
        """Read up to `size` bytes from a position of the source; their number, 0, or AVERROR."""
        return read_part(&self.place, pos, out, size)

    cdef int64_t byte_size(self) noexcept nogil:
        """Return the number of bytes of the source, or AVERROR."""
        return size_of(&self.place)

    cdef bytes head(self, int size):
        """Return the first bytes of the source, or b"" if they would need another request."""
        cdef bytes data
        cdef uint8_t *buffer
        cdef int64_t got
        if self.store is None or isinstance(self.store, Link):
            return b""
        data = bytes(size)
        buffer = <uint8_t *> (<char *> data)
        with nogil:
            got = self.read_at(0, buffer, size)
        return data[:max(got, 0)]

    cdef int check(self, int code, str operation) except -1:
        """Call error.check, but raise the exception of a signal handler or of the file-like object
        if there is one.
        """
        self.watch.check()
        if self.pending is None and self.store is not None:
            self.pending, self.store.failure = self.store.failure, None
        if self.pending is not None:
            exception, self.pending = self.pending, None
            raise exception
        if code == avutil.AVERROR(EIO) and operation == "open" and self.link_url is not None:
            host = unresolved_host(self.link_url)
            if host is not None:
                raise SourceUnreachableError(
                    f"{self.name}: cannot open: the host {host!r} has no address (check its name, and whether this "
                    "machine reaches a name server)", source=self.name, operation=operation, errno=EIO,
                )
        return error.check(code, operation, self.name)
