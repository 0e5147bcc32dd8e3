#include "inspect/measured.h"

#include "text/json_text.h"

static heed_status draw_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out) {
    return hd_draw_text_curves(&((const hd_measured *)picture)->curves, color, columns, out);
}

static heed_status draw_svg(const heed_picture *picture, hd_buffer *out) {
    return hd_draw_svg_curves(&((const hd_measured *)picture)->curves, out);
}

static heed_status write_json(const heed_picture *picture, hd_buffer *out) {
    const hd_measured *m = (const hd_measured *)picture;
    hd_buffer_text(out, "{\"curves\": [");
    for (int64_t i = 0; i < m->curves.count; i++) {
        const hd_series *series = &m->curves.series[i];
        hd_buffer_text(out, i ? ", {\"model\": " : "{\"model\": ");
        hd_json_append_page_string(out, series->name);
        hd_buffer_format(out, ", \"%s\": ", m->x_name);
        hd_json_append_doubles(out, series->x, series->count);
        hd_buffer_format(out, ", \"%s\": ", m->y_name);
        hd_json_append_doubles(out, series->y, series->count);
        hd_buffer_byte(out, '}');
    }
    hd_buffer_text(out, "]}\n");
    return out->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_measured_open(heed_context *context, hd_measured **measured) {
    static const hd_picture_class class = {"curves are", draw_text, draw_svg, write_json};
    return hd_picture_open(context, &class, sizeof **measured, measured);
}
