/* Draws a heed_picture in the format that the options name. */
#include "inspect/picture.h"
#include "tasks/inspect_settings.h"

static heed_status draw(const void *what, const hd_inspect_settings *settings, bool color, int columns,
                        hd_buffer *out) {
    const heed_picture *picture = what;
    const hd_picture_class *class = picture->class;
    switch ((hd_picture_format)settings->format) {
        case HD_PICTURE_BY_NAME:
        case HD_PICTURE_TEXT:
            return class->text(picture, color, columns, out);
        case HD_PICTURE_SVG:
            if (class->svg) return class->svg(picture, out);
            break;
        case HD_PICTURE_JSON:
            return class->json(picture, out);
        case HD_PICTURE_HTML:
            if (class->html) return class->html(picture, out);
            break;
        default:
            break;
    }
    return hd_fail(picture->context, HEED_ARGUMENT, "%s drawn as text%s%s or json", class->name,
                   class->svg ? ", svg" : "", class->html ? ", html" : "");
}

heed_status heed_picture_draw(const heed_picture *picture, const heed_options *options, bool color, int columns,
                              char **bytes, size_t *size) {
    return hd_inspect_draw(picture->context, options, draw, picture, color, columns, bytes, size);
}

heed_status heed_picture_save(const heed_picture *picture, const heed_options *options, const char *path) {
    return hd_inspect_save(picture->context, options, draw, picture, path);
}
