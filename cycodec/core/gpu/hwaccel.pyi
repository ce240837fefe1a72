from cycodec.core.container.demux import Demuxer
from cycodec.core.gpu.device import CudaDevice
from cycodec.core.video.cpu import CpuBackend

class UploadBackend(CpuBackend):
    def deliver_to(self, device: CudaDevice) -> UploadBackend: ...

class HwaccelBackend(CpuBackend):
    def deliver_to(self, device: CudaDevice) -> HwaccelBackend: ...

def has_hwaccel(demuxer: Demuxer, stream_index: int) -> bool: ...
