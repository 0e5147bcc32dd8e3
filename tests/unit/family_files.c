/* Every folder of tests/golden/families, stored in shards and as a PyTorch file: the same bits. Saved by heed: every tensor
 * equal to the byte, in each element type. */
#include "golden_families.h"

static void assert_same_bits(const golden *g, const results *a, const results *b) {
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->classes, b->classes);
    const float *x = a->logits ? a->logits : a->states, *y = b->logits ? b->logits : b->states;
    if (memcmp(x, y, (size_t)(a->rows * (a->logits ? a->classes : a->width)) * sizeof *x) != 0)
        fail_msg("%s: the bits differ", g->name);
}

/* ---- stored in other ways ---- */

static void convert(heed_context *context, const char *from, const char *to, const char *option, const char *value) {
    heed_options *options;
    assert_ok(context, heed_convert_options(context, &options));
    assert_ok(context, heed_options_set(options, option, value));
    assert_ok(context, heed_convert(context, options, from, to));
    heed_options_close(options);
}

/* As torch.save before PyTorch 1.6: pickles of the protocol, of the tensors and of the storages' names, and the numbers. */
static void append_pickles(const hd_weights *weights, hd_buffer *out) {
    static const char head[] =
        "\x80\2\x8a\12l\xfc\x9c"
        "F\xf9 j\xa8P\x19.I1001\n.}.}";
    hd_buffer_append(out, head, sizeof head - 1);
    for (size_t i = 0; i < hd_weights_count(weights); i++) {
        const hd_stored_tensor *t = hd_weights_at(weights, i);
        size_t stride = t->count;
        hd_buffer_format(out,
                         "S'%s'\nctorch._utils\n_rebuild_tensor_v2\n(("
                         "S'storage'\nctorch\nFloatStorage\nS'%zu'\nS'cpu'\nI%zu\ntQI0\n(",
                         t->name, i, t->count);
        for (int d = 0; d < t->dimensions; d++) hd_buffer_format(out, "I%lld\n", (long long)t->shape[d]);
        hd_buffer_text(out, "t(");
        for (int d = 0; d < t->dimensions; d++)
            hd_buffer_format(out, "I%zu\n", stride /= (size_t)hd_max(t->shape[d], 1));
        hd_buffer_text(out, "tI00\nNtRs");
    }
    hd_buffer_text(out, ".(");
    for (size_t i = 0; i < hd_weights_count(weights); i++) hd_buffer_format(out, "S'%zu'\n", i);
    hd_buffer_text(out, "l.");
}

static void write_pytorch(heed_context *context, const char *from, const char *to) {
    char path[600];
    hd_buffer file, config;
    hd_weights *weights;
    hd_buffer_open(&file, context);
    hd_buffer_open(&config, context);
    assert_ok(context, hd_weights_open(context, from, &weights));
    append_pickles(weights, &file);
    for (size_t i = 0; i < hd_weights_count(weights); i++) {
        const hd_stored_tensor *t = hd_weights_at(weights, i);
        uint64_t count = t->count;
        assert_int_equal(t->dtype, HD_F32);
        hd_buffer_append(&file, &count, sizeof count);
        hd_buffer_append(&file, t->data, t->bytes);
    }
    assert_false(file.failed);
    hd_weights_close(weights);
    snprintf(path, sizeof path, "%s/pytorch_model.bin", to);
    assert_ok(context, hd_file_write(context, path, file.data, file.size));
    snprintf(path, sizeof path, "%s/config.json", from);
    assert_ok(context, hd_file_read(context, path, &config));
    snprintf(path, sizeof path, "%s/config.json", to);
    assert_ok(context, hd_file_write(context, path, config.data, config.size));
    hd_buffer_close(&file);
    hd_buffer_close(&config);
}

static void assert_opens_equal(heed_context *context, golden *g, const char *folder, const results *expected) {
    heed_model *model = open_golden(context, g, folder, HD_OPEN_TO_RUN);
    results found = compute(g, model);
    assert_same_bits(g, expected, &found);
    free_results(&found);
    hd_model_close(model);
}

static void shards_and_pytorch_files(void **state) {
    golden *g = *state;
    char folder[64], shards[100], index[200], size[32];
    heed_context *context = open_context();
    heed_model *model = open_golden(context, g, g->path, HD_OPEN_TO_RUN);
    results expected = compute(g, model);
    size_t bytes = 0;
    for (int i = 0; i < HD_DTYPES; i++) bytes += model->stored[i];
    hd_model_close(model);
    make_folder(folder);
    snprintf(shards, sizeof shards, "%s/shards", folder);
    snprintf(size, sizeof size, "%zu", bytes / 2 + bytes / 8);
    convert(context, g->path, shards, "shard-size", size);
    snprintf(index, sizeof index, "%s/model.safetensors.index.json", shards);
    assert_true(hd_file_exists(index));
    assert_opens_equal(context, g, shards, &expected);
    write_pytorch(context, g->path, folder);
    assert_opens_equal(context, g, folder, &expected);
    free_results(&expected);
    heed_context_close(context);
    remove_folder(folder);
}

/* ---- saved ---- */

/* Sines are computed, whether a file has them or not. */
static bool is_computed(const heed_model *model, const char *name) {
    return hd_recipe_top(&model->network->recipe)->positions == HD_POSITIONS_SINUSOIDAL &&
           strstr(name, "embed_positions");
}

/* Every tensor of one folder is in the other, to the byte. */
static void assert_contained(const golden *g, const heed_model *model, const hd_weights *one, const hd_weights *other) {
    for (size_t i = 0; i < hd_weights_count(one); i++) {
        const hd_stored_tensor *a = hd_weights_at(one, i), *b = hd_weights_find(other, a->name);
        if (!b && is_computed(model, a->name)) continue;
        if (!b) fail_msg("%s: only %s has the tensor %s", g->name, a->file, a->name);
        if (a->dtype != b->dtype || a->dimensions != b->dimensions ||
            memcmp(a->shape, b->shape, (size_t)a->dimensions * sizeof *a->shape) != 0 ||
            memcmp(a->data, b->data, a->bytes) != 0)
            fail_msg("%s: %s of %s is not that of %s", g->name, a->name, a->file, b->file);
    }
}

/* Saves the weights of `folder` in their element type, and opens what was saved. */
static void assert_saved(heed_context *context, golden *g, const char *folder, hd_dtype dtype) {
    char saved[64];
    hd_weights *before, *after;
    heed_model *model = open_golden(context, g, folder, HD_OPEN_TO_TRAIN);
    results expected = compute(g, model);
    make_folder(saved);
    assert_ok(context, hd_model_save(model, saved, dtype, "a card"));
    assert_ok(context, hd_weights_open(context, folder, &before));
    assert_ok(context, hd_weights_open(context, saved, &after));
    assert_contained(g, model, before, after);
    assert_contained(g, model, after, before);
    hd_weights_close(before);
    hd_weights_close(after);
    heed_model *again = open_golden(context, g, saved, HD_OPEN_TO_RUN);
    assert_ptr_equal(model->family, again->family);
    assert_true(hd_recipe_equal(&model->network->recipe, &again->network->recipe));
    hd_model_close(again);
    assert_opens_equal(context, g, saved, &expected);
    free_results(&expected);
    hd_model_close(model);
    remove_folder(saved);
}

static void saved_to_the_byte(void **state) {
    static const struct {
        const char *name;
        hd_dtype dtype;
    } types[] = {{"f16", HD_F16}, {"bf16", HD_BF16}};
    golden *g = *state;
    char folder[64], narrow[100];
    heed_context *context = open_context();
    assert_saved(context, g, g->path, HD_F32);
    make_folder(folder);
    for (size_t i = 0; i < HD_COUNT(types); i++) {
        snprintf(narrow, sizeof narrow, "%s/%s", folder, types[i].name);
        convert(context, g->path, narrow, "dtype", types[i].name);
        assert_saved(context, g, narrow, types[i].dtype);
    }
    heed_context_close(context);
    remove_folder(folder);
}

int main(void) {
    static const golden_check checks[] = {{"shards and .bin", shards_and_pytorch_files}, {"saved", saved_to_the_byte}};
    return run_golden_checks("family files", checks, HD_COUNT(checks));
}
