/* The page for browsers: page/page.html with its style and scripts, which CMake embeds in the library, and the maps as JSON
 * in place of {{DATA}}. */
#include "inspect/color.h"
#include "inspect/draw.h"
#include "text/json_text.h"

#include <math.h>
#include <string.h>

extern const unsigned char hd_page_html[];
extern const size_t hd_page_html_size;

/* ---- weights ---- */

/* A weight w is stored as 1 + (levels − 1) √w, rounded, so that the small weights of long texts remain distinct; 0 is a
 * masked key. The rounding changes a weight by at most 1 / (levels − 1). */
enum { FINE = 65535, COARSE = 255, MOST_FINE = 1 << 20 };

static int64_t count_weights(const hd_attention_map *map) {
    return map->layers * map->heads * map->queries * map->keys;
}

/* Two bytes per weight, or one where the page would be large. */
static int64_t choose_levels(const heed_attention *attention) {
    int64_t count = 0;
    for (int64_t i = 0; i < attention->count; i++) count += count_weights(&attention->maps[i]);
    return count <= MOST_FINE ? FINE : COARSE;
}

static uint32_t stored_weight(const hd_attention_map *map, int64_t index, int64_t levels) {
    int64_t cells = map->queries * map->keys, layer = index / (map->heads * cells);
    if (map->masked && map->masked[layer * cells + index % cells]) return 0;
    return 1 + (uint32_t)((double)(levels - 1) * sqrt(hd_shown_share((double)map->weights[index])) + 0.5);
}

static void append_base64(hd_buffer *out, const uint8_t *bytes, int64_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int64_t i = 0; i < count; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        if (i + 1 < count) three |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < count) three |= bytes[i + 2];
        char four[] = {digits[three >> 18], digits[three >> 12 & 63], digits[three >> 6 & 63], digits[three & 63]};
        if (i + 1 >= count) four[2] = '=';
        if (i + 2 >= count) four[3] = '=';
        hd_buffer_append(out, four, sizeof four);
    }
}

/* Low byte first, in parts that are multiples of three bytes, so that only the last one is padded. */
static void append_weights(hd_buffer *out, const hd_attention_map *map, int64_t levels) {
    enum { PART = 3 << 10 };
    uint8_t bytes[2 * PART];
    int64_t total = count_weights(map);
    for (int64_t first = 0; first < total; first += PART) {
        int64_t end = hd_min(first + PART, total), count = 0;
        for (int64_t i = first; i < end; i++) {
            uint32_t number = stored_weight(map, i, levels);
            bytes[count++] = (uint8_t)number;
            if (levels > COARSE) bytes[count++] = (uint8_t)(number >> 8);
        }
        append_base64(out, bytes, count);
    }
}

/* ---- the rest of the data ---- */

static void append_labels(hd_buffer *out, const char *const *labels, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (i) hd_buffer_byte(out, ',');
        hd_json_append_page_string(out, labels[i]);
    }
}

/* The indices of the keys that are special tokens. */
static void append_special(hd_buffer *out, const hd_attention_map *map) {
    const char *between = "";
    for (int64_t k = 0; map->special && k < map->keys; k++) {
        if (!map->special[k]) continue;
        hd_buffer_format(out, "%s%lld", between, (long long)k);
        between = ",";
    }
}

static void append_map(hd_buffer *out, const hd_attention_map *map, int64_t levels) {
    hd_buffer_format(out, "{\"kind\":\"%s\",\"layers\":%lld,\"heads\":%lld,\"queries\":[",
                     hd_attention_names[map->kind], (long long)map->layers, (long long)map->heads);
    append_labels(out, map->query_labels, map->queries);
    hd_buffer_text(out, "],\"keys\":[");
    append_labels(out, map->key_labels, map->keys);
    hd_buffer_text(out, "],\"special\":[");
    append_special(out, map);
    hd_buffer_text(out, "],\"weights\":\"");
    append_weights(out, map, levels);
    hd_buffer_text(out, "\"}");
}

/* Layers and heads from 1; 0 is the mean of all. */
static void append_first(hd_buffer *out, const hd_view *first, hd_page_view as) {
    static const char *const names[HD_PAGE_VIEWS] = {"map", "lines", "heads"};
    if (!first) return;
    hd_buffer_format(out, ",\"first\":{\"kind\":\"%s\",\"layer\":%lld,\"head\":%lld,\"view\":\"%s\"}",
                     hd_attention_names[first->map->kind], (long long)first->layer + 1, (long long)first->head + 1,
                     names[as]);
}

static void append_data(const heed_attention *attention, const hd_view *first, hd_page_view as, hd_buffer *out) {
    int64_t levels = choose_levels(attention);
    hd_buffer_text(out, "{\"source\":");
    hd_json_append_page_string(out, attention->source);
    hd_buffer_text(out, ",\"target\":");
    hd_json_append_page_string(out, attention->target);
    append_first(out, first, as);
    hd_buffer_format(out, ",\"levels\":%lld,\"maps\":[", (long long)levels);
    for (int64_t i = 0; i < attention->count; i++) {
        if (i) hd_buffer_byte(out, ',');
        append_map(out, &attention->maps[i], levels);
    }
    hd_buffer_text(out, "]}");
}

heed_status hd_draw_html(const heed_attention *attention, const hd_view *first, hd_page_view as, hd_buffer *out) {
    static const char place[] = "{{DATA}}";
    const char *page = (const char *)hd_page_html;
    const char *at = memmem(page, hd_page_html_size, place, sizeof place - 1);
    if (!at) return hd_fail(out->context, HEED_FORMAT, "page.html has no %s", place);
    const char *rest = at + sizeof place - 1;
    hd_buffer_append(out, page, (size_t)(at - page));
    append_data(attention, first, as, out);
    hd_buffer_append(out, rest, (size_t)(page + hd_page_html_size - rest));
    return out->failed ? HEED_MEMORY : HEED_OK;
}
