#include "inspect/capture.h"

#include <string.h>

struct hd_captured {
    hd_captured *next;
    const char *where;
    int layer, head;
    int64_t queries, keys;
    float weights[]; /* [queries, keys]; of a tensor [rows, columns] */
};

static void keep(hd_capture *capture, const char *where, int layer, int head, int64_t queries, int64_t keys,
                 const float *weights) {
    size_t bytes = (size_t)(queries * keys) * sizeof *weights;
    hd_captured *captured = capture->failed ? NULL : hd_arena_alloc(&capture->arena, 1, sizeof *captured + bytes);
    if (!captured) {
        capture->failed = true;
        return;
    }
    *captured = (hd_captured){.where = where, .layer = layer, .head = head, .queries = queries, .keys = keys};
    if (bytes) memcpy(captured->weights, weights, bytes);
    if (capture->last)
        capture->last->next = captured;
    else
        capture->first = captured;
    capture->last = captured;
}

static void keep_weights(void *user, const char *where, int layer, int64_t sequence, int head, int64_t queries,
                         int64_t keys, const float *weights) {
    (void)sequence;
    keep(user, where, layer, head, queries, keys, weights);
}

static void keep_tensor(void *user, hd_pass *pass, const char *what, hd_tensor *x) {
    const float *numbers = hd_pass_download(pass, x->data, hd_tensor_count(x));
    if (numbers) keep(user, what, 0, 0, x->rows, x->columns, numbers);
}

void hd_capture_open(hd_capture *capture, heed_context *context) {
    *capture = (hd_capture){.context = context,
                            .observer = {.attention = keep_weights, .tensor = keep_tensor, .user = capture}};
    hd_arena_open(&capture->arena, context);
}

void hd_capture_close(hd_capture *capture) {
    if (capture->context) hd_arena_close(&capture->arena);
}

static hd_layout one_sequence(int32_t starts[2], int64_t count) {
    starts[0] = 0, starts[1] = (int32_t)count;
    return (hd_layout){.sequences = 1, .starts = starts};
}

heed_status hd_capture_run(hd_capture *capture, hd_network *network, const int32_t *source, int64_t source_count,
                           const int32_t *decoder_ids, int64_t decoder_count) {
    const hd_recipe *recipe = &network->recipe;
    bool encodes = recipe->side[HD_ENCODER].layers > 0, decodes = recipe->side[HD_DECODER].layers > 0;
    int64_t longest = hd_max(encodes ? source_count : 0, decodes ? decoder_count : 0);
    if (longest > hd_recipe_longest(recipe))
        return hd_fail(capture->context, HEED_LENGTH, "%lld tokens are more than the model's %lld", (long long)longest,
                       (long long)hd_recipe_longest(recipe));
    hd_pass pass;
    hd_pass_open(&pass, capture->context, NULL);
    pass.observer = &capture->observer;
    int32_t source_starts[2], decoder_starts[2];
    hd_layout sources = one_sequence(source_starts, source_count), layout = one_sequence(decoder_starts, decoder_count);
    hd_tensor *memory = encodes ? hd_network_encode(network, &pass, &(hd_input){.ids = source}, &sources) : NULL;
    if (decodes && pass.status == HEED_OK)
        hd_network_decode(network, &pass, &(hd_input){.ids = decoder_ids}, &layout, memory);
    heed_status status = capture->failed ? HEED_MEMORY : pass.status;
    hd_pass_close(&pass);
    return status;
}

heed_status hd_capture_map(const hd_capture *capture, hd_attention_kind kind, hd_arena *arena, hd_attention_map *map) {
    const char *name = hd_attention_names[kind];
    *map = (hd_attention_map){.kind = kind};
    for (const hd_captured *c = capture->first; c; c = c->next) {
        if (strcmp(c->where, name) != 0) continue;
        map->layers = hd_max(map->layers, c->layer + 1);
        map->heads = hd_max(map->heads, c->head + 1);
        map->keys = c->keys;
        if (c->layer == 0 && c->head == 0) map->queries += c->queries;
    }
    int64_t heads = map->layers * map->heads, cells = map->queries * map->keys;
    map->weights = hd_arena_alloc(arena, (size_t)(heads * cells), sizeof *map->weights);
    int64_t *filled = hd_arena_alloc(arena, (size_t)heads, sizeof *filled); /* weights of each head so far */
    if (!map->weights || !filled) return HEED_MEMORY;
    for (int64_t i = 0; i < heads; i++) filled[i] = 0;
    for (const hd_captured *c = capture->first; c; c = c->next) {
        if (strcmp(c->where, name) != 0) continue;
        int64_t head = c->layer * map->heads + c->head, count = c->queries * c->keys;
        memcpy(map->weights + head * cells + filled[head], c->weights, (size_t)count * sizeof *c->weights);
        filled[head] += count;
    }
    return HEED_OK;
}

heed_status hd_capture_rows(const hd_capture *capture, const char *what, hd_arena *arena, hd_captured_rows *rows) {
    *rows = (hd_captured_rows){0};
    for (const hd_captured *c = capture->first; c; c = c->next)
        if (strcmp(c->where, what) == 0) rows->rows += c->queries, rows->columns = c->keys;
    rows->data = hd_arena_alloc(arena, (size_t)(rows->rows * rows->columns), sizeof *rows->data);
    if (!rows->data) return HEED_MEMORY;
    float *to = rows->data;
    for (const hd_captured *c = capture->first; c; c = c->next) {
        if (strcmp(c->where, what) != 0) continue;
        if (c->queries) memcpy(to, c->weights, (size_t)(c->queries * c->keys) * sizeof *to);
        to += c->queries * c->keys;
    }
    return HEED_OK;
}
