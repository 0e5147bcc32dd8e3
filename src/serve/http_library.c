#include "serve/http_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static hd_http_library loaded;
static char problem[512]; /* "": loaded */

#define SYMBOL(name) \
    { "MHD_" #name, offsetof(hd_http_library, name) }

static const struct {
    const char *name;
    size_t offset; /* of its pointer in hd_http_library */
} symbols[] = {SYMBOL(start_daemon),
               SYMBOL(stop_daemon),
               SYMBOL(quiesce_daemon),
               SYMBOL(get_connection_info),
               SYMBOL(lookup_connection_value),
               SYMBOL(suspend_connection),
               SYMBOL(resume_connection),
               SYMBOL(create_response_from_buffer),
               SYMBOL(create_response_from_callback),
               SYMBOL(add_response_header),
               SYMBOL(queue_response),
               SYMBOL(destroy_response),
               SYMBOL(get_version)};

static void load(void) {
    void *handle = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *reason = dlerror();
        snprintf(problem, sizeof problem, "libmicrohttpd cannot be loaded (Debian package libmicrohttpd12): %s",
                 reason ? reason : "");
        return;
    }
    for (size_t i = 0; i < HD_COUNT(symbols); i++) {
        void *address = dlsym(handle, symbols[i].name);
        if (!address) {
            snprintf(problem, sizeof problem, "libmicrohttpd lacks %s (Debian package libmicrohttpd12)",
                     symbols[i].name);
            return;
        }
        memcpy((char *)&loaded + symbols[i].offset, &address, sizeof address);
    }
}

heed_status hd_http_library_open(heed_context *context, const hd_http_library **library) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    *library = &loaded;
    return problem[0] ? hd_fail(context, HEED_UNSUPPORTED, "%s", problem) : HEED_OK;
}

heed_status heed_serve_library(heed_context *context, char **text) {
    const hd_http_library *library;
    *text = NULL;
    HD_TRY(hd_http_library_open(context, &library));
    hd_buffer out;
    hd_buffer_open(&out, context);
    hd_buffer_format(&out, "libmicrohttpd/%s", library->get_version());
    *text = hd_buffer_take(&out);
    return *text ? HEED_OK : HEED_MEMORY;
}
