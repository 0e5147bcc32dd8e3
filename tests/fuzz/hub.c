/* Any bytes as an answer of a hub; the first byte selects which. It is refused with a message, or what was read from it holds:
 * paths stay inside a folder, digests are digests, and parts cover the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "formats/hub/answers.h"
#include "formats/hub/select.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool truth) {
    if (!truth) abort();
}

static void check_files(const hd_hub_files *files) {
    for (size_t i = 0; i < files->count; i++) {
        const hd_hub_file *file = &files->items[i];
        check(file->path[0] != '/' && strncmp(file->path, "../", 3) != 0 && !strstr(file->path, "/../"));
        check(hd_is_digest(file->digest, file->large ? HD_SHA256_DIGITS : HD_SHA1_DIGITS));
    }
}

static heed_status read_tree(heed_context *context, const char *bytes, size_t size) {
    hd_hub_files files;
    hd_hub_files_open(context, &files);
    heed_status status = hd_hub_read_tree("fuzz", bytes, size, &files);
    if (status == HEED_OK) {
        check_files(&files);
        hd_string_list none = {0};
        hd_hub_select(&files, &none);
        status = hd_hub_files_sort(&files, "fuzz");
    }
    hd_hub_files_close(&files);
    return status;
}

static heed_status read_modes(heed_context *context, const char *bytes, size_t size) {
    hd_hub_files files;
    hd_hub_files_open(context, &files);
    check(hd_hub_files_add(&files, "a") && hd_hub_files_add(&files, "config.json"));
    files.items[0].size = 7;
    heed_status status = hd_hub_read_modes("fuzz", bytes, size, &files);
    check(!files.items[1].large); /* empty */
    hd_hub_files_close(&files);
    return status;
}

static heed_status read_upload(heed_context *context, const char *bytes, size_t size) {
    hd_hub_file file = {.size = 100, .digest = "aa"};
    hd_hub_upload upload;
    heed_status status = hd_hub_read_upload(context, "fuzz", bytes, size, &file, &upload);
    if (status == HEED_OK && upload.part_size) {
        check(upload.part_count == (file.size + upload.part_size - 1) / upload.part_size ||
              upload.part_size > file.size);
        for (size_t i = 0; i < upload.part_count; i++) check(strncmp(upload.parts[i], "http", 4) == 0);
    }
    hd_hub_upload_close(context, &upload);
    return status;
}

static heed_status read_commit(heed_context *context, const char *bytes, size_t size) {
    char commit[HD_COMMIT_DIGITS + 1];
    heed_status status = hd_hub_read_commit(context, "fuzz", bytes, size, commit);
    check(status != HEED_OK || hd_is_digest(commit, HD_COMMIT_DIGITS));
    return status;
}

/* A header, and names. */
static heed_status read_text(heed_context *context, const char *bytes, size_t size) {
    char *text = malloc(size + 1);
    bool failed;
    hd_buffer name;
    memcpy(text, bytes, size);
    text[size] = 0;
    hd_free(context, hd_hub_next_page(context, text, &failed));
    check(!failed);
    hd_buffer_open(&name, context);
    if (hd_hub_repository_name(text, &name)) check(hd_hub_is_name(name.data));
    hd_buffer_close(&name);
    if (hd_hub_is_name(text)) check(hd_hub_is_path(text));
    free(text);
    return HEED_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static heed_status (*const readers[])(heed_context *, const char *, size_t) = {read_tree, read_modes, read_upload,
                                                                                   read_commit, read_text};
    heed_context *context = NULL;
    if (size == 0 || heed_context_open(&context) != HEED_OK) return 0;
    size_t which = data[0] >= '0' ? (data[0] - (size_t)'0') % HD_COUNT(readers) : data[0] % HD_COUNT(readers);
    heed_status status = readers[which](context, (const char *)data + 1, size - 1);
    check(status == HEED_OK || heed_context_message(context)[0]);
    heed_context_close(context);
    return 0;
}
