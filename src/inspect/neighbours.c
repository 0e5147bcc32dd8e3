#include "inspect/neighbours.h"

#include "base/number.h"
#include "text/json_text.h"

static heed_status draw_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out) {
    const hd_neighbours *n = (const hd_neighbours *)picture;
    (void)color, (void)columns;
    for (int64_t i = 0; i < n->count; i++) {
        char cosine[32];
        hd_print_number(cosine, sizeof cosine, "%6.3f", n->nearest[i].cosine);
        hd_buffer_format(out, "%s  %s\n", cosine, n->nearest[i].word);
    }
    return out->failed ? HEED_MEMORY : HEED_OK;
}

static heed_status write_json(const heed_picture *picture, hd_buffer *out) {
    const hd_neighbours *n = (const hd_neighbours *)picture;
    hd_buffer_text(out, "{\"word\": ");
    hd_json_append_page_string(out, n->word);
    hd_buffer_text(out, ", \"nearest\": [");
    for (int64_t i = 0; i < n->count; i++) {
        hd_buffer_text(out, i ? ", {\"word\": " : "{\"word\": ");
        hd_json_append_page_string(out, n->nearest[i].word);
        hd_buffer_text(out, ", \"score\": ");
        hd_json_append_double(out, n->nearest[i].cosine);
        hd_buffer_byte(out, '}');
    }
    hd_buffer_text(out, "]}\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_neighbours_open(heed_context *context, hd_neighbours **neighbours) {
    static const hd_picture_class class = {"nearest words are", draw_text, NULL, write_json};
    return hd_picture_open(context, &class, sizeof **neighbours, neighbours);
}
