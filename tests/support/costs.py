"""Decoders that divide their requests among threads by other costs than the measured ones."""

from dataclasses import replace

from cycodec._video.costs import Costs
from cycodec._video.readers import Readers
from cycodec.decoders import VideoDecoder


def decoder_with_costs(costs, source, **options):
    """Open a decoder, and let `costs` decide about its threads."""
    decoder = VideoDecoder(source, **options)
    session = decoder._session
    session.readers = Readers(session.reader, session.readers.factory, session.readers.limit, costs)
    return decoder


def changed(costs=Costs(), **changes):  # noqa: B008 - it is immutable
    """Return costs with some changes."""
    return replace(costs, **changes)
