#include "formats/hub/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static hd_hub_library loaded;
static char problem[512]; /* "": loaded */

typedef struct symbol {
    const char *name;
    size_t offset; /* of its pointer in hd_hub_library */
} symbol;

#define CURL_SYMBOL(name) \
    { "curl_" #name, offsetof(hd_hub_library, name) }
#define CRYPTO_SYMBOL(name) \
    { #name, offsetof(hd_hub_library, name) }

static const symbol symbols[] = {
    CURL_SYMBOL(easy_init),
    CURL_SYMBOL(easy_cleanup),
    CURL_SYMBOL(easy_reset),
    CURL_SYMBOL(easy_setopt),
    CURL_SYMBOL(easy_perform),
    CURL_SYMBOL(easy_getinfo),
    CURL_SYMBOL(easy_strerror),
    CURL_SYMBOL(slist_append),
    CURL_SYMBOL(slist_free_all),
    CURL_SYMBOL(url),
    CURL_SYMBOL(url_cleanup),
    CURL_SYMBOL(url_set),
    CURL_SYMBOL(url_get),
    CURL_SYMBOL(free),
    CURL_SYMBOL(getdate),
    CURL_SYMBOL(version),
    CURL_SYMBOL(global_init),
    CRYPTO_SYMBOL(EVP_MD_CTX_new),
    CRYPTO_SYMBOL(EVP_MD_CTX_free),
    CRYPTO_SYMBOL(EVP_sha1),
    CRYPTO_SYMBOL(EVP_sha256),
    CRYPTO_SYMBOL(EVP_DigestInit_ex),
    CRYPTO_SYMBOL(EVP_DigestUpdate),
    CRYPTO_SYMBOL(EVP_DigestFinal_ex),
};

/* dlsym searches the library and then those that it is linked with, among them the libcrypto that libcurl uses itself. */
static void load(void) {
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *reason = dlerror();
        snprintf(problem, sizeof problem, "libcurl cannot be loaded (Debian package libcurl4): %s",
                 reason ? reason : "");
        return;
    }
    for (size_t i = 0; i < HD_COUNT(symbols); i++) {
        void *address = dlsym(handle, symbols[i].name);
        if (!address) {
            snprintf(problem, sizeof problem,
                     "libcurl lacks %s: heed needs libcurl 7.62 or newer with OpenSSL (Debian package libcurl4)",
                     symbols[i].name);
            return;
        }
        memcpy((char *)&loaded + symbols[i].offset, &address, sizeof address);
    }
    if (loaded.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        snprintf(problem, sizeof problem, "libcurl cannot be initialized");
}

heed_status hd_hub_library_open(heed_context *context, const hd_hub_library **library) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    *library = &loaded;
    return problem[0] ? hd_fail(context, HEED_UNSUPPORTED, "%s", problem) : HEED_OK;
}

heed_status heed_hub_library(heed_context *context, char **text) {
    const hd_hub_library *library;
    *text = NULL;
    HD_TRY(hd_hub_library_open(context, &library));
    *text = hd_copy_string(context, library->version());
    return *text ? HEED_OK : HEED_MEMORY;
}
