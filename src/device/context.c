/* Opening a context, which selects its device and its kernels. */
#include "device/cpu/kernels/kernels.h"
#include "device/device.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SMALL_WORK = 1 << 17 }; /* some microseconds */

/* Weights and activations are walked in long strides: in pages of 2 MiB they cost few translations. Only advice: failure is
 * harmless. */
static void advise_large_pages(char *pointer, size_t size) {
    enum { LARGE_PAGE = 1 << 21, WORTHWHILE = 2 * LARGE_PAGE };
    if (size < WORTHWHILE) return;
    size_t skipped = (LARGE_PAGE - (uintptr_t)pointer % LARGE_PAGE) % LARGE_PAGE;
    madvise(pointer + skipped, (size - skipped) / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
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
    return hd_kernels_select(*context, getenv("HEED_ISA"));
}

const char *heed_context_instruction_set(const heed_context *context) {
    return context->kernels ? context->kernels->name : "none";
}
