/* A folder with a tiny model of tests/golden/generation, and settings of a case. */
#ifndef TESTS_SETTINGS_FOLDER_H
#define TESTS_SETTINGS_FOLDER_H

#include "fixture.h"

#include "formats/json.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/heed-XXXXXX";

static inline void write_object(heed_context *context, const char *name, const json_t *object) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(context, hd_json_write(context, path, object));
}

static inline void link_file(const char *base, const char *name) {
    char from[512], to[256];
    snprintf(from, sizeof from, "%s/%s", base, name);
    snprintf(to, sizeof to, "%s/%s", folder, name);
    unlink(to);
    assert_int_equal(symlink(from, to), 0);
}

static inline bool is_translation(const json_t *one) {
    const char *model = json_string_value(json_object_get(one, "model"));
    return model && strcmp(model, "marian") == 0;
}

static inline void make_folder(heed_context *context, const json_t *one) {
    const char *base = is_translation(one) ? GOLDEN "/marian" : GOLDEN "/generation/llama";
    char path[512];
    snprintf(path, sizeof path, "%s/config.json", base);
    json_t *config = json_load_file(path, 0, NULL), *own = json_object_get(one, "config");
    assert_non_null(config);
    if (own) json_object_update(config, own);
    write_object(context, "config.json", config);
    json_decref(config);
    snprintf(path, sizeof path, "%s/generation_config.json", folder);
    unlink(path);
    if (json_object_get(one, "generation"))
        write_object(context, "generation_config.json", json_object_get(one, "generation"));
    link_file(base, "model.safetensors");
    link_file(base, "tokenizer.json");
    link_file(base, "tokenizer_config.json");
}

static inline int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)kind, (void)place;
    return remove(path);
}

static inline void open_folder(void) {
    strcpy(folder, "/tmp/heed-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static inline void remove_folder(void) { assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0); }

#endif
