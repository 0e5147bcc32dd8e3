/* Opening and closing a context. It lives in this room because a context picks its kernels. */
#include "kernels/kernels.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SMALL_WORK = 1 << 17 }; /* some microseconds */

/* Weights and activations are walked in long strides: in pages of 2 MiB they cost few translations. A wish, no more. */
static void ask_for_large_pages(char *pointer, size_t size) {
    enum { LARGE_PAGE = 1 << 21, WORTHWHILE = 2 * LARGE_PAGE };
    if (size < WORTHWHILE) return;
    size_t skipped = (LARGE_PAGE - (uintptr_t)pointer % LARGE_PAGE) % LARGE_PAGE;
    madvise(pointer + skipped, (size - skipped) / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
}

static void *system_resize(void *user, void *pointer, size_t size) {
    (void)user;
    if (size) {
        void *result = realloc(pointer, size);
        if (result) ask_for_large_pages(result, size);
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
    **context = (heed_context){.resize = resize, .resize_user = user, .small_work = SMALL_WORK};
    heed_context_set_threads(*context, 0);
    return hd_kernels_select(*context, getenv("HEED_ISA"));
}

void heed_context_close(heed_context *context) {
    if (context) context->resize(context->resize_user, context, 0);
}

void heed_free(heed_context *context, void *text) { hd_free(context, text); }

const char *heed_context_message(const heed_context *context) { return context ? context->message : "out of memory"; }

void heed_context_set_log(heed_context *context, heed_log_function *log, void *user) {
    context->log = log;
    context->log_user = user;
}

heed_status heed_context_set_threads(heed_context *context, int threads) {
    if (threads < 0 || threads > 256)
        return hd_fail(context, HEED_ARGUMENT, "threads is %d, but must be from 0 to 256", threads);
    long cores = threads ? threads : sysconf(_SC_NPROCESSORS_ONLN);
    context->threads = (int)hd_min(hd_max(cores, 1), 256);
    return HEED_OK;
}

heed_status heed_context_set_compute(heed_context *context, const char *name) {
    bool bf16 = strcmp(name, "bf16") == 0;
    if (!bf16 && strcmp(name, "f32") != 0)
        return hd_fail(context, HEED_ARGUMENT, "compute is \"%s\", expected f32 or bf16", name);
    context->bf16 = bf16;
    return HEED_OK;
}

int heed_context_threads(const heed_context *context) { return context->threads; }

const char *heed_context_instruction_set(const heed_context *context) {
    return context->kernels ? context->kernels->name : "none";
}

const char *heed_status_name(heed_status status) {
    static const char *const names[] = {"ok",          "argument", "out of memory", "file",   "format",
                                        "unsupported", "length",   "numeric",       "stopped"};
    return (size_t)status < HD_COUNT(names) ? names[status] : "unknown";
}
