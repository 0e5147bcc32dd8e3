#include "formats/zip.h"

#include <dlfcn.h>
#include <string.h>
#include <zip.h>

/* The functions of libzip that are used here. */
#define FUNCTIONS(X)                                                                                                \
    X(zip_source_function_create)                                                                                   \
    X(zip_source_free)                                                                                              \
    X(zip_source_seek_compute_offset) X(zip_open_from_source) X(zip_discard) X(zip_get_num_entries) X(zip_get_name) \
        X(zip_name_locate) X(zip_stat_index) X(zip_fopen_index) X(zip_fread) X(zip_fclose) X(zip_get_error)         \
            X(zip_file_get_error) X(zip_error_init) X(zip_error_fini) X(zip_error_strerror) X(zip_error_code_zip)

typedef struct libzip {
    void *library;
#define DECLARE(name) __typeof__(name) *name;
    FUNCTIONS(DECLARE)
#undef DECLARE
} libzip;

struct hd_zip {
    heed_context *context;
    char *path;
    libzip call;
    zip_t *archive;
    /* What libzip reads. */
    const uint8_t *bytes;
    size_t size, at;
    size_t read_at; /* where the last read began */
};

/* ---- loading the library ------------------------------------------------------------------------------------------ */

static bool load_functions(libzip *call) {
    void *function;
#define LOAD(name)                                               \
    if (!(function = dlsym(call->library, #name))) return false; \
    memcpy(&call->name, &function, sizeof function);
    FUNCTIONS(LOAD)
#undef LOAD
    return true;
}

/* Debian's names of the library: 12 has the first, 13 the second. Both have the functions above. */
static heed_status load_library(hd_zip *zip) {
    static const char *const names[] = {"libzip.so.4", "libzip.so.5"};
    for (size_t i = 0; i < HD_COUNT(names) && !zip->call.library; i++)
        zip->call.library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (zip->call.library && load_functions(&zip->call)) return HEED_OK;
    return hd_fail(zip->context, HEED_UNSUPPORTED, "%s: reading it needs libzip, which is not installed", zip->path);
}

/* ---- the bytes as a source of libzip ------------------------------------------------------------------------------ */

static zip_int64_t read_bytes(hd_zip *zip, void *data, zip_uint64_t size) {
    size_t left = zip->size - zip->at, count = size < left ? (size_t)size : left;
    if (count) memcpy(data, zip->bytes + zip->at, count);
    zip->read_at = zip->at;
    zip->at += count;
    return (zip_int64_t)count;
}

static zip_int64_t seek(hd_zip *zip, void *data, zip_uint64_t size) {
    zip_int64_t at = zip->call.zip_source_seek_compute_offset(zip->at, zip->size, data, size, NULL);
    if (at < 0) return -1;
    zip->at = (size_t)at;
    return 0;
}

static zip_int64_t state(const hd_zip *zip, void *data, zip_uint64_t size) {
    zip_stat_t found = {.valid = ZIP_STAT_SIZE, .size = zip->size};
    if (size < sizeof found) return -1;
    memcpy(data, &found, sizeof found);
    return sizeof found;
}

static zip_int64_t no_error(void *data, zip_uint64_t size) {
    static const int none[2] = {0};
    if (size < sizeof none) return -1;
    memcpy(data, none, sizeof none);
    return sizeof none;
}

static zip_int64_t source(void *user, void *data, zip_uint64_t size, zip_source_cmd_t command) {
    hd_zip *zip = user;
    switch (command) {
        case ZIP_SOURCE_OPEN:
            zip->at = 0;
            return 0;
        case ZIP_SOURCE_READ:
            return read_bytes(zip, data, size);
        case ZIP_SOURCE_STAT:
            return state(zip, data, size);
        case ZIP_SOURCE_ERROR:
            return no_error(data, size);
        case ZIP_SOURCE_SEEK:
            return seek(zip, data, size);
        case ZIP_SOURCE_TELL:
            return (zip_int64_t)zip->at;
        case ZIP_SOURCE_CLOSE:
        case ZIP_SOURCE_FREE:
            return 0;
        case ZIP_SOURCE_SUPPORTS:
            return ZIP_SOURCE_SUPPORTS_SEEKABLE;
        default:
            return -1;
    }
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static heed_status refuse(const hd_zip *zip, zip_error_t *error, const char *entry) {
    int code = zip->call.zip_error_code_zip(error);
    heed_status status = code == ZIP_ER_MEMORY ? HEED_MEMORY
                         : code == ZIP_ER_COMPNOTSUPP || code == ZIP_ER_ENCRNOTSUPP || code == ZIP_ER_NOPASSWD
                             ? HEED_UNSUPPORTED
                             : HEED_FORMAT;
    return hd_fail(zip->context, status, "%s: %s%s%s: %s", zip->path, entry ? "entry \"" : "the archive",
                   entry ? entry : "", entry ? "\"" : "", zip->call.zip_error_strerror(error));
}

static heed_status open_archive(hd_zip *zip) {
    zip_error_t error;
    HD_TRY(load_library(zip));
    zip->call.zip_error_init(&error);
    zip_source_t *bytes = zip->call.zip_source_function_create(source, zip, &error);
    if (bytes) zip->archive = zip->call.zip_open_from_source(bytes, ZIP_RDONLY, &error);
    if (bytes && !zip->archive) zip->call.zip_source_free(bytes);
    heed_status status = zip->archive ? HEED_OK : refuse(zip, &error, NULL);
    zip->call.zip_error_fini(&error);
    return status;
}

heed_status hd_zip_open(heed_context *context, const char *path, const void *bytes, size_t size, hd_zip **out) {
    *out = NULL;
    hd_zip *zip = hd_alloc_zeroed(context, 1, sizeof *zip);
    if (!zip) return HEED_MEMORY;
    zip->context = context;
    zip->bytes = bytes;
    zip->size = size;
    zip->path = hd_copy_string(context, path);
    heed_status status = zip->path ? open_archive(zip) : HEED_MEMORY;
    if (status == HEED_OK)
        *out = zip;
    else
        hd_zip_close(zip);
    return status;
}

void hd_zip_close(hd_zip *zip) {
    if (!zip) return;
    if (zip->archive) zip->call.zip_discard(zip->archive);
    if (zip->call.library) dlclose(zip->call.library);
    hd_free(zip->context, zip->path);
    hd_free(zip->context, zip);
}

/* ---- entries ------------------------------------------------------------------------------------------------------ */

size_t hd_zip_count(const hd_zip *zip) {
    zip_int64_t count = zip->call.zip_get_num_entries(zip->archive, 0);
    return count > 0 ? (size_t)count : 0;
}

const char *hd_zip_name(const hd_zip *zip, size_t index) {
    const char *name = zip->call.zip_get_name(zip->archive, index, ZIP_FL_ENC_RAW);
    return name ? name : "";
}

bool hd_zip_find(const hd_zip *zip, const char *name, size_t *index) {
    zip_int64_t found = zip->call.zip_name_locate(zip->archive, name, ZIP_FL_ENC_RAW);
    if (found >= 0) *index = (size_t)found;
    return found >= 0;
}

static heed_status read_file(hd_zip *zip, zip_file_t *file, const char *name, void *bytes, size_t size) {
    char more;
    size_t at = 0;
    zip_int64_t count = 1;
    while (at < size && (count = zip->call.zip_fread(file, (char *)bytes + at, size - at)) > 0) at += (size_t)count;
    if (count >= 0 && at == size) count = zip->call.zip_fread(file, &more, 1); /* the end checks the checksum */
    if (count < 0) return refuse(zip, zip->call.zip_file_get_error(file), name);
    if (at == size && count == 0) return HEED_OK;
    return hd_fail(zip->context, HEED_FORMAT, "%s: entry \"%s\" has %s bytes than its size, %zu", zip->path, name,
                   count ? "more" : "fewer", size);
}

/* The bytes of an entry that is not compressed are where libzip reads its first byte. */
static heed_status locate(hd_zip *zip, zip_file_t *file, const char *name, hd_zip_contents *contents) {
    uint8_t first;
    zip->read_at = zip->size;
    if (contents->size == 0) return HEED_OK;
    if (zip->call.zip_fread(file, &first, 1) != 1) return refuse(zip, zip->call.zip_file_get_error(file), name);
    if (zip->read_at > zip->size || contents->size > zip->size - zip->read_at)
        return hd_fail(zip->context, HEED_FORMAT, "%s: entry \"%s\" ends after the file: was it cut short?", zip->path,
                       name);
    contents->data = zip->bytes + zip->read_at;
    return HEED_OK;
}

static heed_status decompress(hd_zip *zip, zip_file_t *file, const char *name, hd_zip_contents *contents) {
    contents->block = hd_alloc(zip->context, contents->size, 1);
    if (!contents->block) return HEED_MEMORY;
    contents->data = contents->block;
    heed_status status = read_file(zip, file, name, contents->block, contents->size);
    if (status == HEED_OK) return HEED_OK;
    hd_free(zip->context, contents->block);
    *contents = (hd_zip_contents){0};
    return status;
}

heed_status hd_zip_read(hd_zip *zip, size_t index, size_t most, hd_zip_contents *contents) {
    zip_stat_t entry;
    const char *name = hd_zip_name(zip, index);
    *contents = (hd_zip_contents){.data = zip->bytes};
    if (zip->call.zip_stat_index(zip->archive, index, 0, &entry) != 0)
        return refuse(zip, zip->call.zip_get_error(zip->archive), name);
    bool stored = entry.comp_method == ZIP_CM_STORE;
    if (entry.encryption_method != ZIP_EM_NONE)
        return hd_fail(zip->context, HEED_UNSUPPORTED, "%s: entry \"%s\" is encrypted", zip->path, name);
    if (stored ? entry.comp_size != entry.size : entry.size > most)
        return hd_fail(zip->context, HEED_FORMAT, "%s: entry \"%s\" has %llu bytes, %llu in the file: %s", zip->path,
                       name, (unsigned long long)entry.size, (unsigned long long)entry.comp_size,
                       stored ? "they should be equal" : "heed does not decompress so many");
    contents->size = (size_t)entry.size;
    zip_file_t *file = zip->call.zip_fopen_index(zip->archive, index, stored ? ZIP_FL_COMPRESSED : 0);
    if (!file) return refuse(zip, zip->call.zip_get_error(zip->archive), name);
    heed_status status = stored ? locate(zip, file, name, contents) : decompress(zip, file, name, contents);
    zip->call.zip_fclose(file);
    return status;
}
