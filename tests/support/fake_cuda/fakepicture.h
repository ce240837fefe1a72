/* TEST DOUBLE, not NVIDIA's: pictures that the parser fills and the decoder maps. */
#ifndef FAKEPICTURE_H
#define FAKEPICTURE_H

#include <libavutil/frame.h>

#include "fakecuda.h"

#include "../../../csrc/third_party/nvcodec/dynlink_cuda.h"
#include "../../../csrc/third_party/nvcodec/dynlink_cuviddec.h"
#include "../../../csrc/third_party/nvcodec/dynlink_nvcuvid.h"

#define EXPORT __attribute__((visibility("default")))
#define RESULT(code) ((CUresult)(code))

enum { SLOTS = 32 };

typedef struct {
    int references;
    int index;
    int64_t id;
    int damaged;
    AVFrame *frame; /* NULL if the picture is not decoded yet */
} Picture;

Picture *fakepicture_new(void);
Picture *fakepicture_hold(Picture *picture);
void fakepicture_release(Picture **place);

/* Above 0 inside the parser's callback. A caller that decodes at another time has parsed by
 * itself. */
extern __thread int fakeparser_active;

#endif
