#include "serve/keys.h"

#include <pthread.h>
#include <string.h>

#include "base/file.h"

struct hd_serve_keys {
    heed_context *context;
    char *path;           /* NULL: none is needed */
    pthread_mutex_t lock; /* of */
    char *lines;          /* the file, where each key ends with a 0, */
    size_t size;          /* and its bytes */
};

/* Puts a 0 at each end of a line and in place of white space around keys; returns the number of keys. */
static size_t split(char *text, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        if (strchr(" \t\r\n", text[i])) text[i] = 0;
        count += text[i] && (!i || !text[i - 1]);
    }
    return count;
}

static heed_status read_file(heed_context *context, const char *path, char **lines, size_t *size) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    heed_status status = hd_file_read(context, path, &text);
    *size = text.size;
    if (status == HEED_OK && !split(text.data, text.size))
        status = hd_fail(context, HEED_FORMAT, "%s: the file has no key", path);
    if (status == HEED_OK && !(*lines = hd_buffer_take(&text))) status = HEED_MEMORY;
    hd_buffer_close(&text);
    return status;
}

heed_status hd_serve_keys_open(heed_context *context, const char *path, hd_serve_keys **out) {
    hd_serve_keys *k = *out = hd_alloc_zeroed(context, 1, sizeof *k);
    if (!k) return HEED_MEMORY;
    k->context = context;
    pthread_mutex_init(&k->lock, NULL);
    heed_status status = HEED_OK;
    if (path) k->path = hd_copy_string(context, path);
    if (path) status = k->path ? hd_serve_keys_renew(k, context) : HEED_MEMORY;
    if (status == HEED_OK) return HEED_OK;
    hd_serve_keys_close(k);
    *out = NULL;
    return status;
}

void hd_serve_keys_close(hd_serve_keys *k) {
    if (!k) return;
    pthread_mutex_destroy(&k->lock);
    hd_free(k->context, k->path);
    hd_free(k->context, k->lines);
    hd_free(k->context, k);
}

heed_status hd_serve_keys_renew(hd_serve_keys *k, heed_context *context) {
    char *lines = NULL;
    size_t size = 0;
    if (!k->path) return HEED_OK;
    HD_TRY(read_file(context, k->path, &lines, &size));
    pthread_mutex_lock(&k->lock);
    char *old = k->lines;
    k->lines = lines;
    k->size = size;
    pthread_mutex_unlock(&k->lock);
    hd_free(context, old);
    return HEED_OK;
}

/* Reads all bytes of `key`, whatever they are. */
static bool is_equal(const char *known, size_t known_size, const char *key, size_t size) {
    unsigned char difference = known_size != size;
    for (size_t i = 0; i < size; i++) difference |= (unsigned char)key[i] ^ (unsigned char)known[i % (known_size + 1)];
    return !difference;
}

bool hd_serve_keys_allow(hd_serve_keys *k, const char *key) {
    size_t size = key ? strlen(key) : 0;
    if (!k->path) return true;
    bool found = false;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0, length; i < k->size; i += length + 1) {
        length = strlen(k->lines + i);
        if (length) found |= is_equal(k->lines + i, length, key ? key : "", size);
    }
    pthread_mutex_unlock(&k->lock);
    return found;
}
