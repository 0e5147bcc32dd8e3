/* Opening and closing a context: its allocator, its threads, its device and its kernels. */
#include "base/parallel.h"
#include "device/cpu/kernels/kernels.h"
#include "device/device.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SMALL_WORK = 1 << 17 }; /* some microseconds */

/* Weights and activations are walked in long strides: in pages of 2 MiB they cost few translations. The advice covers whole
 * mappings, from their first page on: a mapping with two kinds of advice is two, and realloc would copy it instead of moving
 * it. Only advice: failure is harmless. */
static void advise_large_pages(char *pointer, size_t size) {
    enum { PAGE = 1 << 12, WORTHWHILE = 1 << 22 };
    if (size < WORTHWHILE) return;
    char *page = pointer - (uintptr_t)pointer % PAGE;
    madvise(page, (size_t)(pointer - page) + size, MADV_HUGEPAGE);
}

static void *system_resize(void *user, void *pointer, size_t size) {
    (void)user;
    if (size) {
        void *result = realloc(pointer, size);
        if (result) advise_large_pages(result, size);
        return result;
    }
    free(pointer);
    return NULL;
}

heed_status heed_context_open(heed_context **context) { return heed_context_open_with(NULL, NULL, context); }

heed_status heed_context_open_with(heed_resize_function *resize, void *user, heed_context **context) {
    if (!resize) resize = system_resize;
    *context = resize(user, NULL, sizeof **context);
    if (!*context) return HEED_MEMORY;
    **context =
        (heed_context){.resize = resize, .resize_user = user, .small_work = SMALL_WORK, .device = &hd_device_cpu};
    heed_context_set_threads(*context, 0);
    (*context)->pool = hd_pool_open(*context);
    if (!(*context)->pool) {
        resize(user, *context, 0);
        *context = NULL;
        return HEED_MEMORY;
    }
    return hd_kernels_select(*context, getenv("HEED_ISA"));
}

heed_status heed_context_fork(heed_context *context, heed_context **fork) {
    *fork = hd_alloc(context, 1, sizeof **fork);
    if (!*fork) return HEED_MEMORY;
    **fork = hd_context_fork(context, context->threads);
    (*fork)->pool = hd_pool_open(context);
    if ((*fork)->pool) return HEED_OK;
    hd_free(context, *fork);
    *fork = NULL;
    return HEED_MEMORY;
}

void heed_context_close(heed_context *context) {
    if (!context) return;
    hd_pool_close(context, context->pool);
    context->resize(context->resize_user, context, 0);
}

heed_status heed_context_set_threads(heed_context *context, int threads) {
    if (threads < 0 || threads > 256)
        return hd_fail(context, HEED_ARGUMENT, "threads is %d, but must be from 0 to 256", threads);
    context->threads = (int)hd_min(threads ? threads : hd_processors(), 256);
    return HEED_OK;
}

const char *heed_context_instruction_set(const heed_context *context) {
    return context->kernels ? context->kernels->name : "none";
}
