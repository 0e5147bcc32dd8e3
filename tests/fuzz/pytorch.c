/* Any bytes as a file of torch.save, zip archive or not: it is refused with a message, or every byte of every tensor can be
 * read. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/pytorch.h"
#include "formats/widen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context = NULL;
    hd_pytorch *file;
    if (heed_context_open(&context) != HEED_OK) abort();
    heed_status status = hd_pytorch_open_bytes(context, "fuzz", data, size, &file);
    if ((status == HEED_OK) != (file != NULL) || (!file && !heed_context_message(context)[0])) abort();
    size_t sum = 0;
    for (size_t i = 0; file && i < hd_pytorch_count(file); i++) {
        const hd_stored_tensor *tensor = hd_pytorch_at(file, i);
        for (size_t j = 0; j < tensor->bytes; j++) sum += ((const uint8_t *)tensor->data)[j];
        hd_find_nonfinite(tensor->dtype, tensor->data, tensor->count);
        if (hd_pytorch_find(file, tensor->name) != tensor) abort();
    }
    hd_pytorch_close(file);
    heed_context_close(context);
    return sum == SIZE_MAX ? 1 : 0; /* uses the sum, so that the compiler keeps the reads */
}
