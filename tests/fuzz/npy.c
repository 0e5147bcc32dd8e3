/* Any bytes as a .npy file: they are refused with a message, or all their numbers can be read. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/npy.h"
#include "formats/widen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context = NULL;
    hd_npy npy;
    if (heed_context_open(&context) != HEED_OK) abort();
    heed_status status = hd_npy_parse(context, "fuzz", data, size, &npy);
    if (status != HEED_OK && !heed_context_message(context)[0]) abort();
    if (status == HEED_OK) hd_find_nonfinite(npy.dtype, npy.numbers, (size_t)npy.rows * (size_t)npy.columns);
    heed_context_close(context);
    return 0;
}
