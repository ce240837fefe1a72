#include "encode/log_capture.h"

#include <libavutil/log.h>
#include <string.h>

enum { MOST_BYTES = 2048 };

/* Note [Log of one thread]
 * FFmpeg's encoders explain in the log, and only there, why they refuse an option. FFmpeg has one
 * callback for the whole process, so ours keeps a message only if its own thread asked for it, and
 * hands every other message to FFmpeg's default callback. It never calls Python. */
static _Thread_local char text[MOST_BYTES];
static _Thread_local int capturing, prefix = 1;

static void keep(void *object, int level, const char *format, va_list arguments) {
    size_t used;
    if (!capturing) {
        av_log_default_callback(object, level, format, arguments);
        return;
    }
    used = strlen(text);
    if ((level & 0xff) <= AV_LOG_WARNING && used + 1 < MOST_BYTES)
        av_log_format_line2(object, level, format, arguments, text + used, (int)(MOST_BYTES - used), &prefix);
}

void log_capture_begin(void) {
    text[0] = 0;
    prefix = 1;
    capturing = 1;
    av_log_set_callback(keep);
}

const char *log_capture_end(void) {
    capturing = 0;
    return text;
}
