/* The page for browsers: page.html, which CMake embeds in the library, with the maps as JSON in place of {{DATA}}. */
#include "inspect/color.h"
#include "inspect/draw.h"
#include "text/json_text.h"

#include <math.h>
#include <string.h>

extern const unsigned char hd_page_html[];
extern const size_t hd_page_html_size;

/* A byte is 255 √weight, so that the small weights of long texts remain distinct. */
static uint8_t to_byte(float weight) { return (uint8_t)(255.0f * sqrtf((float)hd_shown_share((double)weight)) + 0.5f); }

static void append_base64(hd_buffer *out, const float *weights, int64_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int64_t i = 0; i < count; i += 3) {
        uint32_t three = (uint32_t)to_byte(weights[i]) << 16;
        if (i + 1 < count) three |= (uint32_t)to_byte(weights[i + 1]) << 8;
        if (i + 2 < count) three |= to_byte(weights[i + 2]);
        char four[] = {digits[three >> 18], digits[three >> 12 & 63], digits[three >> 6 & 63], digits[three & 63]};
        if (i + 1 >= count) four[2] = '=';
        if (i + 2 >= count) four[3] = '=';
        hd_buffer_append(out, four, sizeof four);
    }
}

static void append_labels(hd_buffer *out, const char *const *labels, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (i) hd_buffer_byte(out, ',');
        hd_json_append_page_string(out, labels[i]);
    }
}

static void append_data(const heed_attention *attention, hd_buffer *out) {
    hd_buffer_text(out, "{\"source\":");
    hd_json_append_page_string(out, attention->source);
    hd_buffer_text(out, ",\"target\":");
    hd_json_append_page_string(out, attention->target);
    hd_buffer_text(out, ",\"maps\":[");
    for (int64_t i = 0; i < attention->count; i++) {
        const hd_attention_map *map = &attention->maps[i];
        hd_buffer_format(out, "%s{\"kind\":\"%s\",\"layers\":%lld,\"heads\":%lld,\"queries\":[", i ? "," : "",
                         hd_attention_names[map->kind], (long long)map->layers, (long long)map->heads);
        append_labels(out, map->query_labels, map->queries);
        hd_buffer_text(out, "],\"keys\":[");
        append_labels(out, map->key_labels, map->keys);
        hd_buffer_text(out, "],\"weights\":\"");
        append_base64(out, map->weights, map->layers * map->heads * map->queries * map->keys);
        hd_buffer_text(out, "\"}");
    }
    hd_buffer_text(out, "]}");
}

heed_status hd_draw_html(const heed_attention *attention, hd_buffer *out) {
    static const char place[] = "{{DATA}}";
    const char *page = (const char *)hd_page_html;
    const char *at = memmem(page, hd_page_html_size, place, sizeof place - 1);
    if (!at) return hd_fail(out->context, HEED_FORMAT, "page.html has no %s", place);
    const char *rest = at + sizeof place - 1;
    hd_buffer_append(out, page, (size_t)(at - page));
    append_data(attention, out);
    hd_buffer_append(out, rest, (size_t)(page + hd_page_html_size - rest));
    return out->failed ? HEED_MEMORY : HEED_OK;
}
