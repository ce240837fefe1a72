"""The FFmpeg in use: its versions, and how much it writes to stderr."""

from cycodec.libav cimport avcodec, avformat, avutil, swresample, swscale


def ffmpeg_versions():
    """Return the versions of FFmpeg and its libraries in use, as a dict of strings."""
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
