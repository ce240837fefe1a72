from cycodec.core.encode.muxer import Muxer

class StreamEncoder:
    muxer: Muxer
    num_packets: int
    num_bytes: int
    failed: bool
    @property
    def codec_name(self) -> str: ...
    def explain_refusal(self, log: str) -> None: ...
