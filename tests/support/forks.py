"""Work in a forked process."""

import os
import time


def in_child(work, seconds=30):
    """Runs `work` in a forked process; returns what it raised, as text, or "", or "hangs" if it
    does not end.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
            said = ""
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    end = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, 9)
            os.waitpid(child, 0)
            os.close(reading)
            return "hangs"
        time.sleep(0.01)
    with open(reading, "rb") as pipe:
        return pipe.read().decode()
