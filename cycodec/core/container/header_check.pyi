from collections.abc import Callable

from cycodec.core.container.demux import Demuxer

def judge_packets(
    demuxer: Demuxer, stream_index: int, change: Callable[[bytes], bytes] | None = None
) -> list[tuple[bool, bool, bool]]: ...
def decode_stream(
    demuxer: Demuxer,
    stream_index: int,
    change: Callable[[bytes], bytes] | None = None,
    only_plain: bool = False,
) -> tuple[list[bool], list[tuple[int, str]]]: ...
