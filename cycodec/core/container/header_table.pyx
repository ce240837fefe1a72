"""The packets of a stream from its container's headers, whatever the container is.

To support another container, add a module that reads its headers, like mov.pyx, and call it here.
"""

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.fragments import read_fragments
from cycodec.core.container.matroska import read_matroska
from cycodec.core.container.mov import read_mov


def read_header_table(Demuxer demuxer not None, int stream_index, run=None, int threads=1):
    """Return the packets of a stream of a freshly opened file.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    run : callable, optional
        ``run(jobs, threads)`` does a list of jobs on at most so many threads.
    threads : int
        The largest number of threads that walk through a file.

    Returns
    -------
    PacketTable or None
        A table without digests; None if the packets must be scanned. The demuxer is at the stream's
        beginning.
    """
    return (
        read_mov(demuxer, stream_index)
        or read_fragments(demuxer, stream_index)
        or read_matroska(demuxer, stream_index, run, threads)
    )
