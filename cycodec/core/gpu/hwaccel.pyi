from cycodec.core.backend import CpuBackend
from cycodec.core.demux import Demuxer
from cycodec.core.device import CudaDevice

class UploadBackend(CpuBackend):
    def deliver_to(self, device: CudaDevice) -> UploadBackend: ...

class HwaccelBackend(CpuBackend):
    def deliver_to(self, device: CudaDevice) -> HwaccelBackend: ...

def has_hwaccel(demuxer: Demuxer, stream_index: int) -> bool: ...
