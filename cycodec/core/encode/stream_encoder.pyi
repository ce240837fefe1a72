from cycodec.core.encode.muxer import Muxer

class StreamEncoder:
    muxer: Muxer
    @property
    def codec_name(self) -> str: ...
    def explain_refusal(self) -> None: ...
