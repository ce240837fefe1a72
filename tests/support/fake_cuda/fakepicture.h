/* TEST DOUBLE, not NVIDIA's: pictures, which the parser fills and the decoder maps. */
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
    AVFrame *frame; /* NULL: not decoded yet */
} Picture;

Picture *fakepicture_new(void);
Picture *fakepicture_hold(Picture *picture);
void fakepicture_release(Picture **place);

/* Above 0 inside the parser's callback: who decodes otherwise has parsed by itself. */
extern __thread int fakeparser_active;

#endif
