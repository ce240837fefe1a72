"""Streams of the driver that the tests make for themselves, on the test double (fake_cuda)."""

import ctypes

from cycodec.cuda import driver


def new_stream(fake):
    stream = ctypes.c_void_p()
    with in_context(fake):
        assert fake.cuda.cuStreamCreate(ctypes.byref(stream), 0) == 0
    return stream


def destroy_stream(fake, stream):
    with in_context(fake):
        assert fake.cuda.cuStreamDestroy_v2(stream) == 0


class in_context:
    def __init__(self, fake):
        self.fake = fake

    def __enter__(self):
        assert self.fake.cuda.cuCtxPushCurrent_v2(ctypes.c_void_p(driver.context(0))) == 0

    def __exit__(self, *exception):
        assert self.fake.cuda.cuCtxPopCurrent_v2(None) == 0
