/* heed: transformers in C. The one header that users include.
 *
 * Handles are opaque and are opened and closed in pairs. A function that can fail returns heed_status; the reason is
 * then one line of text in heed_context_message(context), good until the next failing call. heed never prints, exits
 * or aborts. A context, and all that was opened through it, is used by one thread at a time; separate contexts are
 * independent. Text is UTF-8; invalid bytes are read as U+FFFD, as Python's errors="replace" does. */
#ifndef HEED_HEED_H
#define HEED_HEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEED_API __attribute__((visibility("default")))

typedef enum heed_status {
    HEED_OK = 0,
    HEED_ARGUMENT,    /* the call makes no sense: an unknown setting, a value out of range */
    HEED_MEMORY,      /* an allocation failed */
    HEED_FILE,        /* the system refused to open, read or write */
    HEED_FORMAT,      /* a file is not what it should be */
    HEED_UNSUPPORTED, /* a file is sound but needs what heed lacks */
    HEED_LENGTH,      /* a text is longer than the model allows */
    HEED_NUMERIC,     /* a NaN or an infinity where none may be */
    HEED_STOPPED      /* a callback asked to stop */
} heed_status;

/* "out of memory", "file", …: the kind, for programs; people read heed_context_message. */
HEED_API const char *heed_status_name(heed_status status);

/* ---- context ------------------------------------------------------------------------------------------------- */

typedef struct heed_context heed_context;

/* Allocates (pointer NULL), resizes, or frees (size 0, returns NULL); NULL on failure. */
typedef void *heed_resize_function(void *user, void *pointer, size_t size);
/* Receives notes and warnings, a line each without its newline. */
typedef void heed_log_function(void *user, const char *line);

/* Opens a context with all cores, malloc and no log. HEED_ARGUMENT if HEED_ISA names an instruction set that this
 * machine or build lacks: *context is then still set, to be asked for the message and closed. */
HEED_API heed_status heed_context_open(heed_context **context);
/* The same, with an allocator of the caller's. `resize` NULL means malloc. */
HEED_API heed_status heed_context_open_with(heed_resize_function *resize, void *user, heed_context **context);
HEED_API void heed_context_close(heed_context *context); /* after all that was opened through it; NULL is fine */
HEED_API const char *heed_context_message(const heed_context *context);
HEED_API void heed_context_set_log(heed_context *context, heed_log_function *log, void *user);
/* 1 to 256; 0 means as many as there are cores. */
HEED_API heed_status heed_context_set_threads(heed_context *context, int threads);
/* One line: version, instruction set, threads, the libraries found. Owned by the context. */
HEED_API const char *heed_version(void);

#ifdef __cplusplus
}
#endif

#endif
