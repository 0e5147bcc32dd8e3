#include "text/folder.h"

#include "base/file.h"
#include "text/languages.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/vocabulary_folder.h"

/* Opens the tokenizer whose first file is `path`, in `folder`. */
typedef heed_status build_tokenizer(heed_context *context, const char *folder, const char *path, heed_tokenizer **out);

static heed_status open_json(heed_context *context, const char *folder, const char *path, heed_tokenizer **out) {
    (void)folder;
    return hd_tokenizer_open(context, path, out);
}

/* The kinds of tokenizer files. The first row whose files all exist, and that `applies` if it says so, is used. The last one
 * needs no file. */
typedef struct tokenizer_files {
    const char *files[3]; /* NULL where there are fewer */
    build_tokenizer *build;
    heed_status (*applies)(heed_context *context, const char *folder, bool *applies); /* may be NULL */
    build_tokenizer *build_target; /* of targets, if they have another one; may be NULL */
} tokenizer_files;

static const tokenizer_files kinds[] = {
    {{"tokenizer.json"}, open_json},
    {{"source.spm", "vocab.json"}, hd_sentencepiece_listed_open, .build_target = hd_sentencepiece_target_open},
    {{"sentencepiece.bpe.model", "vocab.json"}, hd_sentencepiece_listed_open},
    {{"spiece.model"}, hd_sentencepiece_tokenizer_open},
    {{"sentencepiece.bpe.model"}, hd_sentencepiece_tokenizer_open},
    {{"spm.model"}, hd_sentencepiece_tokenizer_open},
    {{"tokenizer.model"}, hd_sentencepiece_tokenizer_open},
    {{"vocab.json", "merges.txt"}, hd_merges_folder_open},
    {{"vocab.txt"}, hd_wordpiece_folder_open},
    {{NULL}, hd_bytes_folder_open, hd_is_bytes_folder},
};

static heed_status have_files(heed_context *context, const char *folder, const tokenizer_files *kind, bool *have) {
    *have = true;
    for (size_t i = 0; i < HD_COUNT(kind->files) && kind->files[i] && *have; i++) {
        char *path = hd_path_join(context, folder, kind->files[i]);
        if (!path) return HEED_MEMORY;
        *have = hd_file_exists(path);
        hd_free(context, path);
    }
    return *have && kind->applies ? kind->applies(context, folder, have) : HEED_OK;
}

/* *kind is NULL when the folder has no tokenizer. */
static heed_status find_kind(heed_context *context, const char *folder, const tokenizer_files **kind) {
    bool have = false;
    *kind = NULL;
    for (size_t i = 0; i < HD_COUNT(kinds) && !*kind; i++) {
        HD_TRY(have_files(context, folder, &kinds[i], &have));
        if (have) *kind = &kinds[i];
    }
    return HEED_OK;
}

heed_status hd_tokenizer_find_in_folder(heed_context *context, const char *folder, bool *found) {
    const tokenizer_files *kind;
    heed_status status = find_kind(context, folder, &kind);
    *found = status == HEED_OK && kind;
    return status;
}

static heed_status report_missing(heed_context *context, const char *folder) {
    hd_buffer names;
    hd_buffer_open(&names, context);
    for (size_t i = 0; i < HD_COUNT(kinds) && kinds[i].files[0]; i++) {
        if (i) hd_buffer_text(&names, ", ");
        for (size_t j = 0; j < HD_COUNT(kinds[i].files) && kinds[i].files[j]; j++)
            hd_buffer_format(&names, "%s%s", j ? " with " : "", kinds[i].files[j]);
    }
    heed_status status =
        names.failed ? HEED_MEMORY : hd_fail(context, HEED_FILE, "%s: no tokenizer: none of %s", folder, names.data);
    hd_buffer_close(&names);
    return status;
}

/* Reads the rest of the folder only where it may have languages, or where there is no model to tell. */
static heed_status may_have_languages(heed_context *context, const char *folder, bool *may) {
    char *path = hd_path_join(context, folder, "config.json");
    hd_json config = {0};
    *may = true;
    if (!path) return HEED_MEMORY;
    heed_status status = HEED_OK;
    if (hd_file_exists(path)) {
        status = hd_json_open(context, path, &config);
        const char *type = json_string_value(json_object_get(config.root, "model_type"));
        *may = type && hd_languages_of_type(type);
        hd_json_close(&config);
    }
    hd_free(context, path);
    return status;
}

static heed_status open_languages(heed_context *context, const char *folder, heed_tokenizer *tokenizer) {
    hd_tokenizer_config config;
    bool may;
    HD_TRY(may_have_languages(context, folder, &may));
    if (!may) return HEED_OK;
    HD_TRY(hd_tokenizer_config_open(context, folder, &config));
    heed_status status = hd_languages_open(tokenizer, &config);
    if (status == HEED_FORMAT) hd_fail_in(context, folder);
    hd_tokenizer_config_close(&config);
    return status;
}

static heed_status open_file(heed_context *context, const char *folder, const tokenizer_files *kind,
                             build_tokenizer *build, heed_tokenizer **out) {
    char *path = kind->files[0] ? hd_path_join(context, folder, kind->files[0]) : hd_copy_string(context, folder);
    if (!path) return HEED_MEMORY;
    heed_status status = build(context, folder, path, out);
    hd_free(context, path);
    if (status != HEED_OK || !*out) return status;
    status = open_languages(context, folder, *out);
    if (status == HEED_OK) return HEED_OK;
    hd_tokenizer_close(*out);
    *out = NULL;
    return status;
}

heed_status hd_tokenizer_open_folder(heed_context *context, const char *folder, heed_tokenizer **out) {
    const tokenizer_files *kind;
    *out = NULL;
    HD_TRY(find_kind(context, folder, &kind));
    return kind ? open_file(context, folder, kind, kind->build, out) : report_missing(context, folder);
}

heed_status hd_tokenizer_open_target(heed_context *context, const char *folder, heed_tokenizer **out) {
    const tokenizer_files *kind;
    *out = NULL;
    HD_TRY(find_kind(context, folder, &kind));
    return kind && kind->build_target ? open_file(context, folder, kind, kind->build_target, out) : HEED_OK;
}
