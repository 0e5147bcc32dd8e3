#include "formats/hub/digest.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { MOST_DIGEST_BYTES = 64, CHUNK = 1 << 20 };

static bool begin(const hd_hub_library *library, void *state, uint64_t size, hd_digest_kind kind) {
    const void *algorithm = kind == HD_DIGEST_GIT ? library->EVP_sha1() : library->EVP_sha256();
    if (library->EVP_DigestInit_ex(state, algorithm, NULL) != 1) return false;
    if (kind != HD_DIGEST_GIT) return true;
    char header[32];
    int length = snprintf(header, sizeof header, "blob %llu", (unsigned long long)size);
    return library->EVP_DigestUpdate(state, header, (size_t)length + 1) == 1;
}

static bool finish(const hd_hub_library *library, void *state, char digits[HD_SHA256_DIGITS + 1]) {
    unsigned char bytes[MOST_DIGEST_BYTES];
    unsigned size = 0;
    if (library->EVP_DigestFinal_ex(state, bytes, &size) != 1 || size > HD_SHA256_DIGITS / 2) return false;
    for (unsigned i = 0; i < size; i++) snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static heed_status fail(heed_context *context) {
    return hd_fail(context, HEED_MEMORY,
                   "OpenSSL cannot compute a digest: out of memory, or the algorithm is disabled");
}

static heed_status add_file(heed_context *context, const hd_hub_library *library, const char *path, uint64_t size,
                            void *state, char *chunk) {
    int descriptor;
    HD_TRY(hd_open_to_read(context, path, &descriptor));
    heed_status status = HEED_OK;
    uint64_t total = 0;
    for (size_t count = 1; status == HEED_OK && count > 0; total += count) {
        status = hd_read(context, path, descriptor, chunk, CHUNK, &count);
        if (status != HEED_OK) break;
        if (count && library->EVP_DigestUpdate(state, chunk, count) != 1) status = fail(context);
    }
    close(descriptor);
    if (status == HEED_OK && total != size)
        status = hd_fail(context, HEED_FILE, "%s: %llu bytes were read, expected %llu", path, (unsigned long long)total,
                         (unsigned long long)size);
    return status;
}

heed_status hd_digest_file(heed_context *context, const hd_hub_library *library, const char *path, uint64_t size,
                           hd_digest_kind kind, char digits[HD_SHA256_DIGITS + 1]) {
    char *chunk = hd_alloc(context, CHUNK, 1);
    if (!chunk) return HEED_MEMORY;
    void *state = library->EVP_MD_CTX_new();
    heed_status status = state && begin(library, state, size, kind) ? HEED_OK : fail(context);
    if (status == HEED_OK) status = add_file(context, library, path, size, state, chunk);
    if (status == HEED_OK && !finish(library, state, digits)) status = fail(context);
    library->EVP_MD_CTX_free(state);
    hd_free(context, chunk);
    return status;
}

heed_status hd_digest_bytes(heed_context *context, const hd_hub_library *library, const void *bytes, size_t size,
                            hd_digest_kind kind, char digits[HD_SHA256_DIGITS + 1]) {
    void *state = library->EVP_MD_CTX_new();
    bool done = state && begin(library, state, size, kind) && library->EVP_DigestUpdate(state, bytes, size) == 1 &&
                finish(library, state, digits);
    library->EVP_MD_CTX_free(state);
    return done ? HEED_OK : fail(context);
}

bool hd_is_digest(const char *text, size_t count) {
    return strlen(text) == count && strspn(text, "0123456789abcdef") == count;
}
