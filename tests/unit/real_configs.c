/* Real configs of ../shared, skipped by name where they are absent: each opens with files of the tensors that transformers
 * saves of it (tests/golden/configs/make.py), at full size and without any other; or is refused by name. HEED_SHARED names
 * another folder than ../shared. */
#include "fixture.h"

#include "base/file.h"
#include "formats/json.h"
#include "models/model.h"
#include "models/unsupported.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64 };

/* Folders of models that heed leaves out. */
static const struct {
    const char *folder, *part;
} refused[] = {
    {"fixtures/configs/nb-whisper-small",
     "models of type \"whisper\" are speech models, which heed lacks; heed opens: "},
    {"fixtures/configs/trocr",
     "models of type \"vision-encoder-decoder\" are image models, which heed lacks; heed opens: "},
    {"fixtures/configs/vit-minc", "models of type \"vit\" are image models, which heed lacks; heed opens: "},
};

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* Copies a file of ../shared, which may be compressed, into a folder; false if it is absent. */
static bool copy_file(heed_context *context, const char *from, const char *name, const char *to) {
    char path[1024], command[1100], target[1024], part[1 << 14];
    const char *shared = getenv("HEED_SHARED");
    hd_buffer text;
    snprintf(path, sizeof path, "%s/%s/%s", shared ? shared : PROJECT "/../shared", from, name);
    if (access(path, R_OK) != 0) strcat(path, ".gz");
    if (access(path, R_OK) != 0) return false;
    snprintf(command, sizeof command, "gzip -dcf '%s'", path);
    FILE *stream = popen(command, "r"); /* NOLINT(cert-env33-c): a fixed program and folder */
    assert_non_null(stream);
    hd_buffer_open(&text, context);
    for (size_t size; (size = fread(part, 1, sizeof part, stream));) hd_buffer_append(&text, part, size);
    assert_int_equal(pclose(stream), 0);
    snprintf(target, sizeof target, "%s/%s", to, name);
    assert_ok(context, hd_file_write(context, target, text.data, text.size));
    hd_buffer_close(&text);
    return true;
}

/* One entry of a safetensors header; *at is the end of the numbers so far. */
static void append_tensor(hd_buffer *header, const char *pattern, int64_t layer, const json_t *shape, uint64_t *at) {
    const char *brace = strstr(pattern, "{}");
    int before = brace ? (int)(brace - pattern) : (int)strlen(pattern);
    uint64_t size = sizeof(float);
    size_t i;
    json_t *value;
    hd_buffer_format(header, "%s\"%.*s", header->size > 1 ? "," : "", before, pattern);
    if (brace) hd_buffer_format(header, "%lld%s", (long long)layer, brace + 2);
    hd_buffer_text(header, "\":{\"dtype\":\"F32\",\"shape\":[");
    json_array_foreach(shape, i, value) {
        hd_buffer_format(header, "%s%lld", i ? "," : "", (long long)json_integer_value(value));
        size *= (uint64_t)json_integer_value(value);
    }
    hd_buffer_format(header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)*at,
                     (unsigned long long)(*at + size));
    *at += size;
}

/* A file of zeros that takes no space on the disk. */
static void write_weights(heed_context *context, const char *folder, json_t *tensors) {
    char path[1024];
    const char *pattern;
    json_t *row;
    hd_buffer header;
    uint64_t at = 0, size;
    hd_buffer_open(&header, context);
    hd_buffer_text(&header, "{");
    json_object_foreach(tensors, pattern, row) {
        int64_t first = json_integer_value(json_array_get(row, 1)), end = json_integer_value(json_array_get(row, 2));
        for (int64_t layer = first; layer < end; layer++)
            append_tensor(&header, pattern, layer, json_array_get(row, 0), &at);
    }
    hd_buffer_text(&header, "}");
    assert_false(header.failed);
    size = header.size;
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(&size, sizeof size, 1, file), 1);
    assert_int_equal(fwrite(header.data, header.size, 1, file), 1);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(ftruncate(fileno(file), (off_t)(sizeof size + size + at)), 0);
    assert_int_equal(fclose(file), 0);
    hd_buffer_close(&header);
}

static int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)kind, (void)place;
    return remove(path);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void log_extra(void *user, const char *line) {
    if (strstr(line, "is not used")) *(bool *)user = true, print_message("%s\n", line);
}

static bool is_supported(heed_context *context, const char *folder) {
    char path[1024];
    hd_json config;
    const char *type;
    snprintf(path, sizeof path, "%s/config.json", folder);
    assert_ok(context, hd_json_open(context, path, &config));
    assert_ok(context, hd_json_string(&config, "model_type", NULL, &type));
    bool supported = hd_family_named(type);
    hd_json_close(&config);
    return supported;
}

static void assert_refused(heed_context *context, const char *name, const char *folder, const char *part) {
    heed_model *model;
    assert_int_equal(hd_model_open_untokenized(context, folder, HD_OPEN_TO_DESCRIBE, &model), HEED_UNSUPPORTED);
    if (!strstr(heed_context_message(context), part))
        fail_msg("%s: \"%s\", expected \"%s\"", name, heed_context_message(context), part);
}

/* Opening finds every tensor with its shape, and uses every tensor. */
static void assert_opens(heed_context *context, const char *name, const char *folder) {
    heed_model *model;
    bool extra = false;
    heed_context_set_verbose(context, true);
    heed_context_set_log(context, log_extra, &extra);
    if (hd_model_open_untokenized(context, folder, HD_OPEN_TO_DESCRIBE, &model) != HEED_OK)
        fail_msg("%s: %s", name, heed_context_message(context));
    if (extra) fail_msg("%s: a tensor is not used", name);
    hd_model_close(model);
}

/* A folder of ../shared and its tensors; NULL for one of `refused`. */
typedef struct real_config {
    const char *name;
    json_t *tensors;
    const char *part;
} real_config;

static void opens_or_is_refused(void **state) {
    const real_config *real = *state;
    char folder[] = "/tmp/heed-XXXXXX";
    heed_context *context = open_context();
    assert_non_null(mkdtemp(folder));
    if (!copy_file(context, real->name, "config.json", folder)) {
        print_message("skipped: %s is absent\n", real->name);
    } else if (real->part) {
        assert_refused(context, real->name, folder, real->part);
    } else if (!is_supported(context, folder)) {
        assert_refused(context, real->name, folder, "; the nearest that heed opens are of type \"");
    } else {
        copy_file(context, real->name, "generation_config.json", folder);
        write_weights(context, folder, real->tensors);
        assert_opens(context, real->name, folder);
    }
    heed_context_close(context);
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void) {
    static real_config configs[MOST];
    static struct CMUnitTest tests[MOST];
    json_t *all = json_load_file(GOLDEN "/configs/tensors.json", 0, NULL), *config;
    const char *name;
    size_t count = 0;
    for (size_t i = 0; i < HD_COUNT(refused); i++)
        configs[count++] = (real_config){refused[i].folder, NULL, refused[i].part};
    json_object_foreach(all, name, config) {
        if (count < MOST) configs[count++] = (real_config){name, json_object_get(config, "tensors"), NULL};
    }
    if (count < 17 || count == MOST) {
        fprintf(stderr, GOLDEN "/configs/tensors.json: %zu folders\n", count);
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){configs[i].name, opens_or_is_refused, NULL, NULL, &configs[i]};
    int failed = _cmocka_run_group_tests("real configs", tests, count, NULL, NULL);
    json_decref(all);
    return failed;
}
