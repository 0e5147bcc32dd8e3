#include "formats/pytorch.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "formats/pickle.h"
#include "formats/zip.h"

/* Real weights compress to a half or a third. A file of which more than this is made is a bomb: numbers that are
 * decompressed, and those of views, which may repeat a single number as often as they please. */
enum { MOST_EXPANSION = 20, EXPANSION_OF_ANY_FILE = 16 << 20 };

/* The numbers of the storages with one root key. */
typedef struct numbers {
    const uint8_t *data;
    size_t size;
} numbers;

struct hd_pytorch {
    heed_context *context;
    hd_map map; /* empty when the bytes are the caller's */
    char *path;
    const uint8_t *bytes;
    size_t size;
    size_t allowance; /* bytes that may still be allocated for numbers */
    bool swapped;     /* numbers are big-endian */
    hd_pickle *pickle;
    void **blocks; /* of numbers that are not in the file */
    size_t block_count, block_capacity;
    /* While the file is opened. */
    const hd_pickled_storage *storages; /* [storage_count] */
    size_t storage_count;
    size_t *by_key;        /* [storage_count]: storages in the order of their root keys */
    numbers *storage_data; /* [storage_count] */
    size_t count;
    hd_stored_tensor *tensors;
    const hd_stored_tensor **by_name;
};

static heed_status add_block(hd_pytorch *file, void *block) {
    if (hd_grow(file->context, &file->blocks, &file->block_capacity, file->block_count + 1, sizeof block)) {
        file->blocks[file->block_count++] = block;
        return HEED_OK;
    }
    hd_free(file->context, block);
    return HEED_MEMORY;
}

/* ---- the order of the storages' keys ------------------------------------------------------------------------------ */

static int compare_texts(hd_pickled_text a, hd_pickled_text b) {
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.bytes, b.bytes, shorter) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_keys(const void *left, const void *right, void *storages) {
    const hd_pickled_storage *s = storages;
    return compare_texts(s[*(const size_t *)left].root, s[*(const size_t *)right].root);
}

static heed_status sort_storages(hd_pytorch *file) {
    file->storages = hd_pickle_storages(file->pickle, &file->storage_count);
    file->by_key = hd_alloc(file->context, file->storage_count, sizeof *file->by_key);
    file->storage_data = hd_alloc_zeroed(file->context, file->storage_count, sizeof *file->storage_data);
    if (!file->by_key || !file->storage_data) return HEED_MEMORY;
    for (size_t i = 0; i < file->storage_count; i++) file->by_key[i] = i;
    if (file->storage_count)
        qsort_r(file->by_key, file->storage_count, sizeof *file->by_key, compare_keys,
                (void *)(uintptr_t)file->storages);
    return HEED_OK;
}

/* The first place in by_key of a storage with this root key, or behind all that are before it. */
static size_t first_with(const hd_pytorch *file, hd_pickled_text key) {
    size_t first = 0, end = file->storage_count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (compare_texts(file->storages[file->by_key[middle]].root, key) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static bool has_key(const hd_pytorch *file, size_t place, hd_pickled_text key) {
    return place < file->storage_count && compare_texts(file->storages[file->by_key[place]].root, key) == 0;
}

static heed_status invalid_storage(const hd_pytorch *file, hd_pickled_text key, const char *what) {
    return hd_fail(file->context, HEED_FORMAT, "%s: storage \"%.*s\" %s", file->path,
                   (int)hd_min((int64_t)key.size, 100), key.bytes, what);
}

/* Gives the numbers to all storages with this root key, whose size they must have. */
static heed_status set_numbers(hd_pytorch *file, hd_pickled_text key, numbers data) {
    for (size_t place = first_with(file, key); has_key(file, place, key); place++) {
        const hd_pickled_storage *storage = &file->storages[file->by_key[place]];
        size_t bytes;
        if (hd_multiply((size_t)storage->root_count, storage->type->size, &bytes) && bytes == data.size) {
            size_t first = (size_t)storage->first * storage->type->size;
            file->storage_data[file->by_key[place]] = (numbers){data.data + first, data.size - first};
            continue;
        }
        return hd_fail(file->context, HEED_FORMAT, "%s: storage \"%.*s\" has %zu bytes, expected %lld × %zu",
                       file->path, (int)hd_min((int64_t)key.size, 100), key.bytes, data.size,
                       (long long)storage->root_count, storage->type->size);
    }
    return HEED_OK;
}

/* ---- the zip archive ---------------------------------------------------------------------------------------------- */

/* Entry `name` in the archive's only folder; *found is false if there is none. */
static heed_status find_entry(hd_zip *zip, heed_context *context, hd_pickled_text folder, hd_pickled_text name,
                              bool *found, size_t *index) {
    hd_buffer path;
    hd_buffer_open(&path, context);
    hd_buffer_append(&path, folder.bytes, folder.size);
    hd_buffer_append(&path, name.bytes, name.size);
    heed_status status = path.failed ? HEED_MEMORY : HEED_OK;
    *found = status == HEED_OK && path.data && strlen(path.data) == path.size && hd_zip_find(zip, path.data, index);
    hd_buffer_close(&path);
    return status;
}

static hd_pickled_text text(const char *string) { return (hd_pickled_text){string, strlen(string)}; }

/* Reads an entry, whose memory, if it is compressed, counts as expansion. */
static heed_status read_entry(hd_pytorch *file, hd_zip *zip, size_t index, numbers *contents) {
    hd_zip_contents found;
    HD_TRY(hd_zip_read(zip, index, file->allowance, &found));
    *contents = (numbers){found.data, found.size};
    if (!found.block) return HEED_OK;
    file->allowance -= found.size;
    return add_block(file, found.block);
}

static heed_status read_byte_order(hd_pytorch *file, hd_zip *zip, hd_pickled_text folder) {
    bool found;
    size_t index = 0;
    numbers order;
    HD_TRY(find_entry(zip, file->context, folder, text("byteorder"), &found, &index));
    if (!found) return HEED_OK;
    HD_TRY(read_entry(file, zip, index, &order));
    file->swapped = order.size == 3 && memcmp(order.data, "big", 3) == 0;
    if (file->swapped || (order.size == 6 && memcmp(order.data, "little", 6) == 0)) return HEED_OK;
    return hd_fail(file->context, HEED_FORMAT, "%s: entry \"byteorder\" is neither \"little\" nor \"big\"", file->path);
}

static heed_status read_archived_storage(hd_pytorch *file, hd_zip *zip, hd_pickled_text folder, hd_pickled_text key) {
    hd_buffer name;
    bool found;
    size_t index = 0;
    numbers data;
    hd_buffer_open(&name, file->context);
    hd_buffer_text(&name, "data/");
    hd_buffer_append(&name, key.bytes, key.size);
    heed_status status =
        name.failed ? HEED_MEMORY
                    : find_entry(zip, file->context, folder, (hd_pickled_text){name.data, name.size}, &found, &index);
    hd_buffer_close(&name);
    if (status != HEED_OK) return status;
    if (!found) return invalid_storage(file, key, "is missing");
    HD_TRY(read_entry(file, zip, index, &data));
    return set_numbers(file, key, data);
}

/* The numbers of those storages alone that the tensors need: others are of an optimizer. */
static heed_status read_archived_storages(hd_pytorch *file, hd_zip *zip, hd_pickled_text folder,
                                          const hd_pickled_tensor *tensors, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!file->storage_data[tensors[i].storage].data)
            HD_TRY(read_archived_storage(file, zip, folder, file->storages[tensors[i].storage].root));
    return HEED_OK;
}

static heed_status open_archived_pickle(hd_pytorch *file, hd_zip *zip, hd_pickled_text folder) {
    bool found, program;
    size_t index = 0;
    numbers pickle;
    HD_TRY(find_entry(zip, file->context, folder, text("constants.pkl"), &program, &index));
    if (program)
        return hd_fail(file->context, HEED_UNSUPPORTED, "%s: a TorchScript program, heed reads weights alone",
                       file->path);
    HD_TRY(find_entry(zip, file->context, folder, text("data.pkl"), &found, &index));
    if (!found)
        return hd_fail(file->context, HEED_FORMAT, "%s: the archive has no data.pkl, as PyTorch's have", file->path);
    HD_TRY(read_entry(file, zip, index, &pickle));
    return hd_pickle_open(file->context, file->path, pickle.data, pickle.size, &file->pickle);
}

/* ---- the tensors -------------------------------------------------------------------------------------------------- */

/* Whether the numbers lie one after the other, in the order of the tensor. */
static bool is_contiguous(const hd_pickled_tensor *t) {
    int64_t stride = 1;
    for (int i = t->dimensions; i-- > 0;) {
        if (t->shape[i] != 1 && t->stride[i] != stride) return false;
        stride *= t->shape[i]; /* at most the tensor's count */
    }
    return true;
}

static void copy_element(const uint8_t *from, size_t size, bool swapped, uint8_t *to) {
    if (!swapped) {
        memcpy(to, from, size);
        return;
    }
    for (size_t i = 0; i < size; i++) to[i] = from[size - 1 - i];
}

/* Copies a view in the order of the tensor; a count of places, one per dimension, walks over it. */
static void copy_view(const hd_pickled_tensor *t, const uint8_t *from, bool swapped, uint8_t *to) {
    int64_t place[HD_STORED_DIMENSIONS] = {0}, at = 0;
    size_t size = t->type->size;
    for (size_t i = 0; i < t->count; i++, to += size) {
        copy_element(from + (size_t)at * size, size, swapped, to);
        for (int d = t->dimensions; d-- > 0;) {
            at += t->stride[d];
            if (++place[d] < t->shape[d]) break;
            at -= t->shape[d] * t->stride[d];
            place[d] = 0;
        }
    }
}

static heed_status copy_tensor(hd_pytorch *file, const hd_pickled_tensor *t, hd_stored_tensor *stored) {
    if (stored->bytes > file->allowance)
        return hd_fail(file->context, HEED_FORMAT,
                       "%s: tensor \"%s\" takes %zu bytes, more than a file of %zu may describe", file->path, t->name,
                       stored->bytes, file->size);
    file->allowance -= stored->bytes;
    uint8_t *copy = hd_alloc(file->context, stored->bytes, 1);
    if (!copy) return HEED_MEMORY;
    HD_TRY(add_block(file, copy));
    copy_view(t, stored->data, file->swapped, copy);
    stored->data = copy;
    return HEED_OK;
}

static heed_status read_tensor(hd_pytorch *file, const hd_pickled_tensor *t, hd_stored_tensor *stored) {
    *stored = (hd_stored_tensor){.name = t->name, .file = file->path, .dtype = t->type->dtype, .unread = t->unread};
    stored->dimensions = t->dimensions;
    memcpy(stored->shape, t->shape, sizeof stored->shape);
    stored->data = file->storage_data[t->storage].data;
    if (t->count) stored->data = (const uint8_t *)stored->data + (size_t)t->offset * t->type->size;
    if (stored->unread) return HEED_OK;
    stored->count = t->count;
    stored->bytes = t->count * t->type->size;
    bool swapped = file->swapped && t->type->size > 1;
    return stored->bytes && (swapped || !is_contiguous(t)) ? copy_tensor(file, t, stored) : HEED_OK;
}

static heed_status read_tensors(hd_pytorch *file, const hd_pickled_tensor *tensors, size_t count) {
    file->tensors = hd_alloc(file->context, count, sizeof *file->tensors);
    file->by_name = hd_alloc(file->context, count, sizeof *file->by_name);
    if (!file->tensors || !file->by_name) return HEED_MEMORY;
    for (; file->count < count; file->count++) {
        HD_TRY(read_tensor(file, &tensors[file->count], &file->tensors[file->count]));
        file->by_name[file->count] = &file->tensors[file->count];
    }
    hd_stored_sort(file->by_name, file->count);
    return HEED_OK;
}

/* The first entry is in the folder that all are in. */
static heed_status read_archive(hd_pytorch *file, hd_zip *zip) {
    const hd_pickled_tensor *tensors;
    size_t count;
    const char *first = hd_zip_count(zip) ? hd_zip_name(zip, 0) : "", *slash = strchr(first, '/');
    hd_pickled_text folder = {first, slash ? (size_t)(slash - first) + 1 : 0};
    HD_TRY(open_archived_pickle(file, zip, folder));
    HD_TRY(hd_pickle_tensors(file->pickle, &tensors, &count));
    HD_TRY(sort_storages(file));
    HD_TRY(read_byte_order(file, zip, folder));
    HD_TRY(read_archived_storages(file, zip, folder, tensors, count));
    return read_tensors(file, tensors, count);
}

static heed_status open_archive(hd_pytorch *file) {
    hd_zip *zip;
    HD_TRY(hd_zip_open(file->context, file->path, file->bytes, file->size, &zip));
    heed_status status = read_archive(file, zip);
    hd_zip_close(zip);
    return status;
}

/* ---- files before PyTorch 1.6 ------------------------------------------------------------------------------------- */

/* 0x1950a86a20f9469cfc6c as a pickle of any protocol from 2 on, behind the byte of the protocol. */
static const uint8_t magic[] = {0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
enum { PROTOCOL = 1001, PROTOCOL_BYTES = 2 };

static bool is_legacy(const hd_pytorch *file) {
    return file->size >= PROTOCOL_BYTES + sizeof magic && file->bytes[0] == 0x80 &&
           memcmp(file->bytes + PROTOCOL_BYTES, magic, sizeof magic) == 0;
}

/* Opens the pickle at *at and moves *at behind it. */
static heed_status next_pickle(hd_pytorch *file, size_t *at, hd_pickle **pickle) {
    HD_TRY(hd_pickle_open(file->context, file->path, file->bytes + *at, file->size - *at, pickle));
    *at += hd_pickle_size(*pickle);
    return HEED_OK;
}

static heed_status read_header(hd_pytorch *file, size_t *at) {
    hd_pickle *pickle;
    *at = PROTOCOL_BYTES + sizeof magic;
    HD_TRY(next_pickle(file, at, &pickle));
    bool known = hd_pickle_is_integer(pickle, PROTOCOL);
    hd_pickle_close(pickle);
    if (!known)
        return hd_fail(file->context, HEED_UNSUPPORTED, "%s: a PyTorch file of another protocol than 1001", file->path);
    HD_TRY(next_pickle(file, at, &pickle)); /* the machine */
    hd_pickle_close(pickle);
    return HEED_OK;
}

/* The storage at *at: the number of its elements, and the numbers. */
static heed_status read_legacy_storage(hd_pytorch *file, hd_pickled_text key, size_t *at) {
    uint64_t count = 0;
    size_t bytes, place = first_with(file, key);
    if (!has_key(file, place, key)) return invalid_storage(file, key, "belongs to no tensor");
    if (file->size - *at < sizeof count) return invalid_storage(file, key, "is missing: was the file cut short?");
    for (size_t i = sizeof count; i-- > 0;) count = count << 8 | file->bytes[*at + i];
    *at += sizeof count;
    if (!hd_multiply(count, file->storages[file->by_key[place]].type->size, &bytes) || bytes > file->size - *at)
        return invalid_storage(file, key, "ends after the file: was it cut short?");
    HD_TRY(set_numbers(file, key, (numbers){file->bytes + *at, bytes}));
    *at += bytes;
    return HEED_OK;
}

static heed_status read_legacy_storages(hd_pytorch *file, const hd_pickle *keys, size_t at) {
    hd_pickled_text key;
    for (size_t i = 0; hd_pickle_text(keys, i, &key); i++) HD_TRY(read_legacy_storage(file, key, &at));
    return HEED_OK;
}

static heed_status open_legacy(hd_pytorch *file) {
    const hd_pickled_tensor *tensors;
    hd_pickle *keys;
    size_t at, count;
    HD_TRY(read_header(file, &at));
    HD_TRY(next_pickle(file, &at, &file->pickle));
    HD_TRY(hd_pickle_tensors(file->pickle, &tensors, &count));
    HD_TRY(sort_storages(file));
    HD_TRY(next_pickle(file, &at, &keys));
    heed_status status = read_legacy_storages(file, keys, at);
    hd_pickle_close(keys);
    if (status != HEED_OK) return status;
    for (size_t i = 0; i < count; i++)
        if (!file->storage_data[tensors[i].storage].data)
            return invalid_storage(file, file->storages[tensors[i].storage].root, "is missing");
    return read_tensors(file, tensors, count);
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static bool begins_with(const hd_pytorch *file, size_t at, const char *bytes) {
    size_t size = strlen(bytes);
    return file->size >= at + size && memcmp(file->bytes + at, bytes, size) == 0;
}

static heed_status read_file(hd_pytorch *file) {
    if (begins_with(file, 0, "PK\x03\x04")) return open_archive(file);
    if (is_legacy(file)) return open_legacy(file);
    if (begins_with(file, 257, "ustar"))
        return hd_fail(file->context, HEED_UNSUPPORTED, "%s: a tar archive of PyTorch 0.1, which heed does not read",
                       file->path);
    return hd_fail(file->context, HEED_FORMAT,
                   "%s: not a PyTorch file: neither a zip archive nor a pickle with its magic number", file->path);
}

/* Frees what only opening needs. */
static void close_sources(hd_pytorch *file) {
    hd_free(file->context, file->by_key);
    hd_free(file->context, file->storage_data);
    file->by_key = NULL;
    file->storage_data = NULL;
    file->storages = NULL;
}

heed_status hd_pytorch_open_bytes(heed_context *context, const char *name, const void *bytes, size_t size,
                                  hd_pytorch **out) {
    *out = NULL;
    hd_pytorch *file = hd_alloc_zeroed(context, 1, sizeof *file);
    if (!file) return HEED_MEMORY;
    file->context = context;
    file->bytes = bytes;
    file->size = size;
    if (!hd_multiply(size, MOST_EXPANSION, &file->allowance) ||
        !hd_add(file->allowance, EXPANSION_OF_ANY_FILE, &file->allowance))
        file->allowance = SIZE_MAX;
    file->path = hd_copy_string(context, name);
    heed_status status = file->path ? read_file(file) : HEED_MEMORY;
    close_sources(file);
    if (status == HEED_OK)
        *out = file;
    else
        hd_pytorch_close(file);
    return status;
}

heed_status hd_pytorch_open(heed_context *context, const char *path, hd_pytorch **file) {
    hd_map map;
    *file = NULL;
    HD_TRY(hd_map_open(context, path, &map));
    heed_status status = hd_pytorch_open_bytes(context, path, map.data, map.size, file);
    if (status == HEED_OK)
        (*file)->map = map;
    else
        hd_map_close(&map);
    return status;
}

void hd_pytorch_close(hd_pytorch *file) {
    if (!file) return;
    hd_pickle_close(file->pickle);
    for (size_t i = 0; i < file->block_count; i++) hd_free(file->context, file->blocks[i]);
    hd_free(file->context, file->blocks);
    hd_free(file->context, file->tensors);
    hd_free(file->context, file->by_name);
    hd_free(file->context, file->path);
    hd_map_close(&file->map);
    hd_free(file->context, file);
}

size_t hd_pytorch_count(const hd_pytorch *file) { return file->count; }

const hd_stored_tensor *hd_pytorch_at(const hd_pytorch *file, size_t index) { return &file->tensors[index]; }

const hd_stored_tensor *hd_pytorch_find(const hd_pytorch *file, const char *name) {
    return hd_stored_find(file->by_name, file->count, name);
}

bool hd_pytorch_is_mapped(const hd_pytorch *file) { return file->block_count == 0; }
