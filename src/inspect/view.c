#include "inspect/draw.h"

static void append_which(hd_buffer *out, const char *noun, int64_t index, int64_t count) {
    if (count == 1) return;
    if (index < 0)
        hd_buffer_format(out, ", mean of %lld %ss", (long long)count, noun);
    else
        hd_buffer_format(out, ", %s %lld of %lld", noun, (long long)index + 1, (long long)count);
}

void hd_view_title(const hd_view *view, hd_buffer *out) {
    hd_buffer_text(out, hd_attention_titles[view->map->kind]);
    append_which(out, "layer", view->layer, view->map->layers);
    append_which(out, "head", view->head, view->map->heads);
}

const float *hd_view_weights(const hd_view *view, hd_arena *arena, float *largest) {
    int64_t cells = view->map->queries * view->map->keys;
    float *weights = hd_arena_alloc(arena, (size_t)cells, sizeof *weights);
    if (!weights) return NULL;
    hd_attention_mean(view->map, view->layer, view->head, weights);
    *largest = 0;
    for (int64_t i = 0; i < cells; i++)
        if (weights[i] > *largest) *largest = weights[i];
    return weights;
}
