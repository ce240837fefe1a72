/* TEST DOUBLE, not NVIDIA's: functions of libcuda.so.1 that FFmpeg looks up and libavcodec's
 * hwaccel never calls. */
#include "fakecuda.h"

#define EXPORT __attribute__((visibility("default")))
#define STUB(name)                                                                                                     \
    EXPORT int name(void) {                                                                                            \
        fake_say("stub " #name);                                                                                       \
        return NOT_SUPPORTED;                                                                                          \
    }

STUB(cuDeviceComputeCapability)
STUB(cuCtxCreate_v2)
STUB(cuCtxSetLimit)
STUB(cuCtxDestroy_v2)
STUB(cuMemAllocPitch_v2)
STUB(cuMemAllocManaged)
STUB(cuMemcpy)
STUB(cuMemcpyAsync)
STUB(cuMemcpy2D_v2)
STUB(cuMemcpy2DAsync_v2)
STUB(cuMemcpyDtoHAsync_v2)
STUB(cuMemcpyDtoD_v2)
STUB(cuCtxGetDevice)
STUB(cuDevicePrimaryCtxRelease)
STUB(cuDevicePrimaryCtxSetFlags)
STUB(cuDevicePrimaryCtxGetState)
STUB(cuDevicePrimaryCtxReset)
STUB(cuStreamQuery)
STUB(cuStreamAddCallback)
STUB(cuEventQuery)
STUB(cuLinkCreate)
STUB(cuLinkAddData)
STUB(cuLinkComplete)
STUB(cuLinkDestroy)
STUB(cuModuleUnload)
STUB(cuModuleGetGlobal)
STUB(cuTexObjectCreate)
STUB(cuTexObjectDestroy)
STUB(cuGLGetDevices_v2)
STUB(cuGraphicsGLRegisterImage)
STUB(cuGraphicsUnregisterResource)
STUB(cuGraphicsMapResources)
STUB(cuGraphicsUnmapResources)
STUB(cuGraphicsSubResourceGetMappedArray)
STUB(cuGraphicsResourceGetMappedPointer_v2)
STUB(cuArray3DCreate_v2)
STUB(cuArrayDestroy)
