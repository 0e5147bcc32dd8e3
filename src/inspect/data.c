/* Attention as data for other programs: JSON, and NumPy's .npy. */
#include "formats/npy.h"
#include "inspect/draw.h"
#include "text/json_text.h"

/* Weights as nested lists; each reads back as the same float. */
static void append_weights(hd_buffer *out, const float *weights, const int64_t *shape, int dimensions) {
    int64_t step = 1;
    if (dimensions == 1) {
        hd_json_append_floats(out, weights, shape[0]);
        return;
    }
    for (int i = 1; i < dimensions; i++) step *= shape[i];
    hd_buffer_byte(out, '[');
    for (int64_t i = 0; i < shape[0]; i++) {
        if (i) hd_buffer_text(out, ", ");
        append_weights(out, weights + i * step, shape + 1, dimensions - 1);
    }
    hd_buffer_byte(out, ']');
}

heed_status hd_write_json(const heed_attention *attention, const hd_attention_map *only, hd_buffer *out) {
    const char *between = "";
    hd_buffer_text(out, "{\"source_text\": ");
    hd_json_append_page_string(out, attention->source);
    hd_buffer_text(out, ", \"target_text\": ");
    hd_json_append_page_string(out, attention->target);
    hd_buffer_text(out, ", \"attentions\": [");
    for (int64_t i = 0; i < attention->count; i++) {
        const hd_attention_map *map = &attention->maps[i];
        int64_t shape[] = {map->layers, map->heads, map->queries, map->keys};
        if (only && map != only) continue;
        hd_buffer_format(out, "%s{\"kind\": \"%s\", \"layers\": %lld, \"heads\": %lld, \"queries\": ", between,
                         hd_attention_names[map->kind], (long long)map->layers, (long long)map->heads);
        hd_json_append_page_strings(out, map->query_labels, map->queries);
        hd_buffer_text(out, ", \"keys\": ");
        hd_json_append_page_strings(out, map->key_labels, map->keys);
        hd_buffer_text(out, ", \"weights\": ");
        append_weights(out, map->weights, shape, 4);
        hd_buffer_byte(out, '}');
        between = ", ";
    }
    hd_buffer_text(out, "]}\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}

void hd_write_npy(const hd_attention_map *map, hd_buffer *out) {
    char header[HD_NPY_HEADER];
    int64_t shape[] = {map->layers, map->heads, map->queries, map->keys};
    hd_npy_header(HD_F32, shape, 4, header);
    hd_buffer_append(out, header, sizeof header);
    hd_buffer_append(out, map->weights, (size_t)(shape[0] * shape[1] * shape[2] * shape[3]) * sizeof *map->weights);
}
