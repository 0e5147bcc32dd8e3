#include "inspect/attention.h"

#include <string.h>

const char *const hd_attention_names[HD_ATTENTION_KINDS] = {"encoder", "decoder", "cross"};
const char *const hd_attention_titles[HD_ATTENTION_KINDS] = {"Encoder self-attention", "Decoder self-attention",
                                                             "Cross-attention"};

const hd_attention_map *hd_attention_find(const heed_attention *attention, hd_attention_kind kind) {
    for (int64_t i = 0; i < attention->count; i++)
        if (attention->maps[i].kind == kind) return &attention->maps[i];
    return NULL;
}

void hd_attention_mean(const hd_attention_map *map, int64_t layer, int64_t head, float *weights) {
    int64_t cells = map->queries * map->keys;
    int64_t first_layer = layer < 0 ? 0 : layer, end_layer = layer < 0 ? map->layers : layer + 1;
    int64_t first_head = head < 0 ? 0 : head, end_head = head < 0 ? map->heads : head + 1;
    int64_t count = (end_layer - first_layer) * (end_head - first_head);
    for (int64_t i = 0; i < cells; i++) {
        double sum = 0;
        for (int64_t l = first_layer; l < end_layer; l++)
            for (int64_t h = first_head; h < end_head; h++)
                sum += (double)map->weights[(l * map->heads + h) * cells + i];
        weights[i] = (float)(sum / (double)count);
    }
}

bool hd_attention_is_masked(const hd_attention_map *map, int64_t layer, int64_t query, int64_t key) {
    if (!map->masked) return false;
    int64_t first = layer < 0 ? 0 : layer, end = layer < 0 ? map->layers : layer + 1;
    for (int64_t l = first; l < end; l++)
        if (!map->masked[(l * map->queries + query) * map->keys + key]) return false;
    return true;
}

void heed_attention_close(heed_attention *attention) {
    if (!attention) return;
    hd_arena_close(&attention->arena);
    hd_free(attention->context, attention);
}

int64_t heed_attention_maps(const heed_attention *attention) { return attention->count; }

const char *heed_attention_kind(const heed_attention *attention, int64_t map) {
    return map >= 0 && map < attention->count ? hd_attention_names[attention->maps[map].kind] : NULL;
}

const float *heed_attention_weights(const heed_attention *attention, int64_t map, int64_t shape[4]) {
    if (map < 0 || map >= attention->count) return NULL;
    const hd_attention_map *m = &attention->maps[map];
    memcpy(shape, (int64_t[]){m->layers, m->heads, m->queries, m->keys}, 4 * sizeof *shape);
    return m->weights;
}

const char *heed_attention_query(const heed_attention *attention, int64_t map, int64_t index) {
    if (map < 0 || map >= attention->count) return NULL;
    const hd_attention_map *m = &attention->maps[map];
    return index >= 0 && index < m->queries ? m->query_labels[index] : NULL;
}

const char *heed_attention_key(const heed_attention *attention, int64_t map, int64_t index) {
    if (map < 0 || map >= attention->count) return NULL;
    const hd_attention_map *m = &attention->maps[map];
    return index >= 0 && index < m->keys ? m->key_labels[index] : NULL;
}

const char *heed_attention_source(const heed_attention *attention) { return attention->source; }
const char *heed_attention_target(const heed_attention *attention) { return attention->target; }
