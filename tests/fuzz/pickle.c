/* Any bytes as a pickle: it is refused with a message, or each of its tensors has a name and lies in its storage. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__extension__ typedef unsigned __int128 wide;

/* Whether all elements of the tensor are in its storage. */
static int lies_inside(const hd_pickled_tensor *t, const hd_pickled_storage *storage) {
    wide last = (wide)t->offset;
    for (int i = 0; i < t->dimensions; i++)
        if (t->count) last += (wide)(t->shape[i] - 1) * (wide)t->stride[i];
    return !t->count || (last + 1) * t->type->size <= (wide)storage->count * storage->type->size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context = NULL;
    hd_pickle *pickle;
    if (heed_context_open(&context) != HEED_OK) abort();
    heed_status status = hd_pickle_open(context, "fuzz", data, size, &pickle);
    if ((status == HEED_OK) != (pickle != NULL) || (!pickle && !heed_context_message(context)[0])) abort();
    const hd_pickled_tensor *tensors;
    size_t count = 0, storage_count, sum = 0;
    if (pickle) {
        const hd_pickled_storage *storages = hd_pickle_storages(pickle, &storage_count);
        if (hd_pickle_size(pickle) > size) abort();
        if (hd_pickle_tensors(pickle, &tensors, &count) != HEED_OK && (count || !heed_context_message(context)[0]))
            abort();
        for (size_t i = 0; i < count; i++)
            if (tensors[i].storage >= storage_count || !lies_inside(&tensors[i], &storages[tensors[i].storage]))
                abort();
        hd_pickled_text text;
        for (size_t i = 0; hd_pickle_text(pickle, i, &text); i++)
            for (size_t j = 0; j < text.size; j++) sum += (unsigned char)text.bytes[j];
    }
    hd_pickle_close(pickle);
    heed_context_close(context);
    return sum == SIZE_MAX ? 1 : 0; /* uses the sum, so that the compiler keeps the reads */
}
