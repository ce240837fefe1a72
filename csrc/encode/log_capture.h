/* What FFmpeg writes to its log during one call, such as why an encoder does not open. */
#ifndef CYCODEC_LOG_CAPTURE_H
#define CYCODEC_LOG_CAPTURE_H

/* Keep the warnings and errors that this thread causes from here on. */
void log_capture_begin(void);

/* Stop, and return the text: one line a message, empty if there was none. It is valid until this
 * thread's next log_capture_begin. */
const char *log_capture_end(void);

#endif
