"""Decoders that divide their requests among threads by other costs than the measured ones."""

from contextlib import contextmanager
from dataclasses import replace

from cycodec._shared import threads
from cycodec._video.costs import Costs
from cycodec._video.readers import Readers
from cycodec.decoders import VideoDecoder


@contextmanager
def budget_of(count):
    """Divide requests as if there were so many CPUs."""
    before = threads.budget()
    threads.set_budget(count)
    try:
        yield
    finally:
        threads.set_budget(before)


def decoder_with_costs(costs, source, **options):
    """Open a decoder, and let `costs` decide about its threads."""
    decoder = VideoDecoder(source, **options)
    session = decoder._session
    session.readers = Readers(session.reader, session.readers.factory, session.readers.limit, costs)
    return decoder


def changed(costs=Costs(), **changes):  # noqa: B008 - it is immutable
    """Return costs with some changes."""
    return replace(costs, **changes)
