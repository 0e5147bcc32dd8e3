/* Why a request has no answer, as an HTTP status and as OpenAI's error object. */
#ifndef HD_SERVE_FAULT_H
#define HD_SERVE_FAULT_H

#include "base/buffer.h"

typedef struct hd_fault {
    int status;       /* of HTTP; 0: no fault */
    const char *code; /* for programs; NULL: none */
    char param[64];   /* the key of the request that is at fault; "": none */
    char message[1024];
} hd_fault;

/* Records a fault, and returns false. `code` and `param` may be NULL. */
bool hd_fault_set(hd_fault *fault, int status, const char *code, const char *param, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same for a call of the library that failed. */
bool hd_fault_from(hd_fault *fault, heed_status status, const char *param, const char *message);
/* Appends {"error": {"message", "type", "param", "code"}}. */
void hd_fault_write(const hd_fault *fault, hd_buffer *out);

#endif
