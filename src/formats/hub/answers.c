#include "formats/hub/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/json.h"

enum { MOST_FILES = 200000, MOST_PARTS = 10000 };

/* ---- files ------------------------------------------------------------------------------------------------------- */

void hd_hub_files_open(heed_context *context, hd_hub_files *files) { *files = (hd_hub_files){.context = context}; }

void hd_hub_files_close(hd_hub_files *files) {
    for (size_t i = 0; i < files->count; i++) hd_free(files->context, files->items[i].path);
    hd_free(files->context, files->items);
    hd_hub_files_open(files->context, files);
}

hd_hub_file *hd_hub_files_add(hd_hub_files *files, const char *path) {
    if (!hd_grow(files->context, &files->items, &files->capacity, files->count + 1, sizeof *files->items)) return NULL;
    hd_hub_file *file = &files->items[files->count];
    *file = (hd_hub_file){.path = hd_copy_string(files->context, path)};
    if (file->path) files->count++;
    return file->path ? file : NULL;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(((const hd_hub_file *)a)->path, ((const hd_hub_file *)b)->path);
}

heed_status hd_hub_files_sort(hd_hub_files *files, const char *about) {
    if (files->count) qsort(files->items, files->count, sizeof *files->items, compare_paths);
    for (size_t i = 1; i < files->count; i++)
        if (strcmp(files->items[i - 1].path, files->items[i].path) == 0)
            return hd_fail(files->context, HEED_FORMAT, "%s: the file \"%s\" is there twice", about,
                           files->items[i].path);
    return HEED_OK;
}

hd_hub_file *hd_hub_files_find(const hd_hub_files *files, const char *path) {
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->items[i].path, path) == 0) return &files->items[i];
    return NULL;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static heed_status open_answer(heed_context *context, const char *about, const char *bytes, size_t size,
                               hd_json *json) {
    return hd_json_open_bytes(context, about, bytes, size, HD_JSON_LENIENT, json);
}

static heed_status read_digest(const hd_json *json, const char *key, size_t digits, char *out) {
    const char *text;
    HD_TRY(hd_json_require(json, key));
    HD_TRY(hd_json_string(json, key, NULL, &text));
    char expected[48];
    snprintf(expected, sizeof expected, "%zu hexadecimal digits", digits);
    if (!hd_is_digest(text, digits)) return hd_json_expected(json, key, expected);
    memcpy(out, text, digits + 1);
    return HEED_OK;
}

static heed_status read_size(const hd_json *json, const char *key, uint64_t *size) {
    int64_t number;
    HD_TRY(hd_json_require(json, key));
    HD_TRY(hd_json_int(json, key, 0, 0, INT64_MAX / 2, &number));
    *size = (uint64_t)number;
    return HEED_OK;
}

/* An optional address, copied. */
static heed_status read_address(const hd_json *json, const char *key, char **address) {
    const char *text;
    *address = NULL;
    HD_TRY(hd_json_string(json, key, NULL, &text));
    if (!text) return HEED_OK;
    if (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0)
        return hd_json_expected(json, key, "an address that begins with https:// or http://");
    *address = hd_copy_string(json->context, text);
    return *address ? HEED_OK : HEED_MEMORY;
}

static heed_status read_one_digest(heed_context *context, const char *about, const char *bytes, size_t size,
                                   const char *key, char commit[HD_COMMIT_DIGITS + 1]) {
    hd_json json;
    HD_TRY(open_answer(context, about, bytes, size, &json));
    heed_status status = read_digest(&json, key, HD_COMMIT_DIGITS, commit);
    hd_json_close(&json);
    return status;
}

heed_status hd_hub_read_commit(heed_context *context, const char *about, const char *bytes, size_t size,
                               char commit[HD_COMMIT_DIGITS + 1]) {
    return read_one_digest(context, about, bytes, size, "sha", commit);
}

heed_status hd_hub_read_new_commit(heed_context *context, const char *about, const char *bytes, size_t size,
                                   char commit[HD_COMMIT_DIGITS + 1]) {
    return read_one_digest(context, about, bytes, size, "commitOid", commit);
}

/* ---- the tree ---------------------------------------------------------------------------------------------------- */

static heed_status read_path(const hd_json *json, const char **path) {
    HD_TRY(hd_json_require(json, "path"));
    HD_TRY(hd_json_string(json, "path", NULL, path));
    return hd_hub_is_path(*path) ? HEED_OK
                                 : hd_json_expected(json, "path",
                                                    "a relative path without \"..\", backslashes and control "
                                                    "characters");
}

static heed_status read_entry(const hd_json *entry, hd_hub_files *files) {
    const char *type, *path;
    hd_json lfs;
    HD_TRY(hd_json_string(entry, "type", "", &type));
    HD_TRY(read_path(entry, &path));
    if (strcmp(type, "file") != 0) return HEED_OK; /* a directory; its files are entries of their own */
    if (files->count == MOST_FILES)
        return hd_fail(files->context, HEED_FORMAT, "%s: the repository has more than %d files", entry->path,
                       MOST_FILES);
    hd_hub_file *file = hd_hub_files_add(files, path);
    if (!file) return HEED_MEMORY;
    HD_TRY(hd_json_object(entry, "lfs", &lfs));
    file->large = hd_json_has(entry, "lfs");
    if (file->large) HD_TRY(read_digest(&lfs, "oid", HD_SHA256_DIGITS, file->digest));
    if (file->large) return read_size(&lfs, "size", &file->size);
    HD_TRY(read_digest(entry, "oid", HD_SHA1_DIGITS, file->digest));
    return read_size(entry, "size", &file->size);
}

heed_status hd_hub_read_tree(const char *about, const char *bytes, size_t size, hd_hub_files *files) {
    hd_json json, entry;
    HD_TRY(open_answer(files->context, about, bytes, size, &json));
    heed_status status = json_is_array(json.root) ? HEED_OK : hd_json_expected(&json, NULL, "an array");
    for (size_t i = 0; status == HEED_OK && i < json_array_size(json.root); i++) {
        hd_json_element(&json, i, &entry);
        status = json_is_object(entry.root) ? read_entry(&entry, files) : hd_json_expected(&entry, NULL, "an object");
    }
    hd_json_close(&json);
    return status;
}

/* ---- uploads ----------------------------------------------------------------------------------------------------- */

static heed_status read_mode(const hd_json *entry, hd_hub_files *files) {
    const char *path, *mode, *digest;
    bool ignored;
    HD_TRY(hd_json_require(entry, "path"));
    HD_TRY(hd_json_string(entry, "path", NULL, &path));
    HD_TRY(hd_json_string(entry, "uploadMode", "", &mode));
    HD_TRY(hd_json_bool(entry, "shouldIgnore", false, &ignored));
    HD_TRY(hd_json_string(entry, "oid", "", &digest));
    bool large = strcmp(mode, "lfs") == 0;
    if (!large && strcmp(mode, "regular") != 0) return hd_json_expected(entry, "uploadMode", "lfs or regular");
    hd_hub_file *file = hd_hub_files_find(files, path);
    if (!file) return hd_json_expected(entry, "path", "one of the files that are sent");
    file->large = large && file->size > 0; /* the hub stores no empty file outside of git */
    file->selected = !ignored;
    size_t digits = file->large ? HD_SHA256_DIGITS : HD_SHA1_DIGITS;
    if (hd_is_digest(digest, digits)) memcpy(file->digest, digest, digits + 1);
    return HEED_OK;
}

heed_status hd_hub_read_modes(const char *about, const char *bytes, size_t size, hd_hub_files *files) {
    hd_json json, list, entry;
    size_t count;
    HD_TRY(open_answer(files->context, about, bytes, size, &json));
    heed_status status = hd_json_require(&json, "files");
    if (status == HEED_OK) status = hd_json_array(&json, "files", &list, &count);
    for (size_t i = 0; status == HEED_OK && i < count; i++) {
        hd_json_element(&list, i, &entry);
        status = read_mode(&entry, files);
    }
    hd_json_close(&json);
    return status;
}

/* A number from 1 up in decimal digits, or 0. */
static size_t part_number(const char *key) {
    size_t digits = strspn(key, "0123456789");
    return digits && digits < 8 && !key[digits] ? (size_t)strtoul(key, NULL, 10) : 0;
}

/* "header": {"chunk_size": "N", "1": ADDRESS, "2": ADDRESS, …}, with an address for each part */
static heed_status read_parts(const hd_json *header, const hd_hub_file *file, hd_hub_upload *upload) {
    const json_t *value = json_object_get(header->root, "chunk_size");
    int64_t part_size = 0;
    if (!value) return HEED_OK;
    if (json_is_string(value))
        part_size = strtoll(json_string_value(value), NULL, 10);
    else
        hd_json_value_int(value, &part_size);
    if (part_size < 1) return hd_json_expected(header, "chunk_size", "a number of bytes");
    upload->part_size = (uint64_t)part_size;
    uint64_t count = file->size / upload->part_size + (file->size % upload->part_size != 0);
    if (count > MOST_PARTS) return hd_json_expected(header, "chunk_size", "at most 10,000 parts");
    upload->parts = hd_alloc_zeroed(header->context, (size_t)count, sizeof *upload->parts);
    if (!upload->parts) return HEED_MEMORY;
    upload->part_count = (size_t)count;
    for (void *at = json_object_iter(header->root); at; at = json_object_iter_next(header->root, at)) {
        const char *key = json_object_iter_key(at);
        size_t number = part_number(key);
        if (!number) continue;
        if (number > count || upload->parts[number - 1]) return hd_json_expected(header, key, "one address per part");
        HD_TRY(read_address(header, key, &upload->parts[number - 1]));
    }
    for (size_t i = 0; i < upload->part_count; i++)
        if (!upload->parts[i])
            return hd_fail(header->context, HEED_FORMAT, "%s: the address of part %zu is missing", header->path, i + 1);
    return HEED_OK;
}

static heed_status read_actions(const hd_json *object, const hd_hub_file *file, hd_hub_upload *upload) {
    hd_json actions, action, verify, header, error;
    const char *message;
    HD_TRY(hd_json_object(object, "error", &error));
    HD_TRY(hd_json_string(&error, "message", "", &message));
    if (hd_json_has(object, "error"))
        return hd_fail(object->context, HEED_FILE, "%s: the hub refuses the file: %.200s", object->path, message);
    HD_TRY(hd_json_object(object, "actions", &actions));
    HD_TRY(hd_json_object(&actions, "upload", &action));
    if (!hd_json_has(&actions, "upload")) return HEED_OK;
    HD_TRY(hd_json_require(&action, "href"));
    HD_TRY(read_address(&action, "href", &upload->url));
    HD_TRY(hd_json_object(&actions, "verify", &verify));
    HD_TRY(read_address(&verify, "href", &upload->verify));
    HD_TRY(hd_json_object(&action, "header", &header));
    return read_parts(&header, file, upload);
}

heed_status hd_hub_read_upload(heed_context *context, const char *about, const char *bytes, size_t size,
                               const hd_hub_file *file, hd_hub_upload *upload) {
    hd_json json, objects, object;
    size_t count;
    const char *digest;
    *upload = (hd_hub_upload){0};
    HD_TRY(open_answer(context, about, bytes, size, &json));
    heed_status status = hd_json_array(&json, "objects", &objects, &count);
    if (status == HEED_OK && count != 1) status = hd_json_expected(&json, "objects", "one object");
    if (status == HEED_OK) {
        hd_json_element(&objects, 0, &object);
        status = hd_json_string(&object, "oid", "", &digest);
        if (status == HEED_OK && strcmp(digest, file->digest) != 0)
            status = hd_json_expected(&object, "oid", "the digest that was requested");
        if (status == HEED_OK) status = read_actions(&object, file, upload);
    }
    hd_json_close(&json);
    if (status != HEED_OK) hd_hub_upload_close(context, upload);
    return status;
}

void hd_hub_upload_close(heed_context *context, hd_hub_upload *upload) {
    for (size_t i = 0; i < upload->part_count; i++) hd_free(context, upload->parts[i]);
    hd_free(context, upload->parts);
    hd_free(context, upload->url);
    hd_free(context, upload->verify);
    *upload = (hd_hub_upload){0};
}

/* ---- headers ----------------------------------------------------------------------------------------------------- */

char *hd_hub_next_page(heed_context *context, const char *link, bool *failed) {
    *failed = false;
    for (const char *open = strchr(link, '<'); open; open = strchr(open + 1, '<')) {
        const char *close = strchr(open, '>');
        if (!close) return NULL;
        size_t parameters = strcspn(close, "<");
        char text[128];
        snprintf(text, sizeof text, "%.*s", (int)(parameters < 127 ? parameters : 127), close);
        if (!strstr(text, "rel=\"next\"") && !strstr(text, "rel=next")) continue;
        char *address = hd_copy_bytes(context, open + 1, (size_t)(close - open - 1));
        *failed = !address;
        return address;
    }
    return NULL;
}
