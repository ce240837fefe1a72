"""The FFmpeg in use: its versions, and how much it writes to stderr."""

from libc.stdint cimport uintptr_t

from cycodec.libav cimport avcodec, avformat, avutil, swresample, swscale

import os

from cycodec.core import libraries


def ffmpeg_versions():
    """Return what is known of the FFmpeg in use, as a dict of strings.

    Returns
    -------
    dict
        "ffmpeg" and the name of each library, such as "libavcodec", give versions. "license" and
        "configuration" are what FFmpeg says of itself. "origin" is "bundled" if the wheel's own
        copies are in use, "system", or the folder that ``CYCODEC_FFMPEG`` names. "folder" is
        the folder of libavcodec, or empty if it cannot be known.
    """
    def text(unsigned version):
        return f"{version >> 16}.{(version >> 8) & 255}.{version & 255}"

    return {
        "ffmpeg": avutil.av_version_info().decode(),
        "libavformat": text(avformat.avformat_version()),
        "libavcodec": text(avcodec.avcodec_version()),
        "libavutil": text(avutil.avutil_version()),
        "libswscale": text(swscale.swscale_version()),
        "libswresample": text(swresample.swresample_version()),
        "license": avutil.avutil_license().decode(),
        "configuration": avutil.avutil_configuration().decode(),
        "origin": libraries.origin(),
        "folder": os.path.dirname(libraries.file_of(<uintptr_t> avcodec.avcodec_version) or ""),
    }


def major_version():
    """Return the major version of the FFmpeg in use, such as 7."""
    # FFmpeg 4.0 came with libavformat 58, and each major version since with the next number.
    return (avformat.avformat_version() >> 16) - 54


def set_log_level(str level):
    """Choose what FFmpeg writes to stderr.

    Parameters
    ----------
    level : {"quiet", "fatal", "error", "warning", "info"}
        FFmpeg writes messages of this level and of all levels before it.

    Raises
    ------
    ValueError
        The level has another name.
    """
    levels = {
        "quiet": avutil.AV_LOG_QUIET, "fatal": avutil.AV_LOG_FATAL, "error": avutil.AV_LOG_ERROR,
        "warning": avutil.AV_LOG_WARNING, "info": avutil.AV_LOG_INFO,
    }
    if level not in levels:
        raise ValueError(f"level must be one of {sorted(levels)}, not {level!r}")
    avutil.av_log_set_level(levels[level])
