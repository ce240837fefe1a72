"""An extension of another project: it writes a video with a tone, without the GIL."""

from libc.math cimport sin
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc

from cycodec cimport (
    CYCODEC_ABI,
    EncoderHandle,
    MuxerHandle,
    cycodec_abi,
    encoder_add_picture,
    encoder_add_samples,
    encoder_check,
    encoder_flush,
    encoder_set_layout,
    muxer_add_audio,
    muxer_add_video,
    muxer_finish,
    muxer_open,
    muxer_start,
    require_cycodec,
)
from cycodec.core.capi.abi cimport check_build

require_cycodec()

cdef enum:
    HEIGHT = 48
    WIDTH = 64
    RATE = 8000


def write(path, int num_frames, str codec, str container=None):
    """Write frames whose red rises by 10 levels from frame to frame, and a tone of 440 Hz."""
    cdef MuxerHandle muxer = muxer_open(path, container)
    cdef EncoderHandle video = muxer_add_video(muxer, WIDTH, HEIGHT, 10, 1, codec, {})
    cdef EncoderHandle audio = muxer_add_audio(muxer, RATE, 1, "pcm_s16le", {})
    cdef uint8_t *picture = <uint8_t *> malloc(HEIGHT * WIDTH * 3)
    cdef float *tone = <float *> malloc(RATE // 10 * sizeof(float))
    cdef int code = 0, sound = 0, number, i
    encoder_set_layout(video, 3, 1, 3 * WIDTH, 3)
    muxer_start(muxer)
    try:
        for number in range(num_frames):
            with nogil:
                for i in range(HEIGHT * WIDTH):
                    picture[3 * i] = 10 * number
                    picture[3 * i + 1] = picture[3 * i + 2] = 128
                for i in range(RATE // 10):
                    tone[i] = 0.5 * sin(2 * 3.141592653589793 * 440 * (number * (RATE // 10) + i) / RATE)
                code = encoder_add_picture(video, picture)
                if code >= 0:
                    sound = encoder_add_samples(audio, tone, 0, RATE // 10)
            encoder_check(video, code)
            encoder_check(audio, sound)
        encoder_flush(video)
        encoder_flush(audio)
        code = encoder_add_picture(video, picture)      # too late
    finally:
        free(picture)
        free(tone)
    muxer_finish(muxer)
    return code


def swapped():
    """Return the codes for pictures given to an audio encoder, and samples to a video encoder."""
    cdef MuxerHandle muxer = muxer_open("x.mkv", None)
    cdef EncoderHandle video = muxer_add_video(muxer, WIDTH, HEIGHT, 10, 1, "ffv1", {})
    cdef EncoderHandle audio = muxer_add_audio(muxer, RATE, 1, "pcm_s16le", {})
    cdef float sample = 0
    return [
        encoder_add_picture(audio, <uint8_t *> &sample),
        encoder_add_samples(video, &sample, 1, 1),
        encoder_add_picture(video, <uint8_t *> &sample),        # it has no layout
        encoder_add_samples(audio, NULL, 1, 1),
        encoder_add_picture(None, <uint8_t *> &sample),
        encoder_add_samples(None, &sample, 1, 1),
    ]


def versions():
    return CYCODEC_ABI, cycodec_abi()


def check(int abi, int avutil_major, int avcodec_major, int avformat_major):
    check_build(abi, avutil_major, avcodec_major, avformat_major)
