/* Bodies of requests to `heed serve`: any bytes are read, or refused with a fault that is one line of JSON. The first byte selects a
 * chat or texts. */
#include "serve/completion.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool truth) {
    if (!truth) abort();
}

static void check_fault(heed_context *context, const hd_fault *fault) {
    hd_buffer out;
    hd_json json;
    hd_buffer_open(&out, context);
    check(fault->status >= 400 && fault->message[0]);
    hd_fault_write(fault, &out);
    check(hd_json_open_bytes(context, "fault", out.data, out.size, HD_JSON_STRICT, &json) == HEED_OK);
    hd_json_close(&json);
    hd_buffer_close(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context = NULL;
    hd_completion request;
    hd_fault fault;
    if (!size || heed_context_open(&context) != HEED_OK) return 0;
    bool fine = hd_completion_read(context, (const char *)data + 1, size - 1, data[0] & 1, &request, &fault);
    if (fine)
        fine = hd_completion_sample(&request, data[0] & 2, &fault) && hd_completion_limit(&request, 1000, 16, &fault);
    if (!fine) check_fault(context, &fault);
    hd_completion_close(&request);
    heed_context_close(context);
    return 0;
}
