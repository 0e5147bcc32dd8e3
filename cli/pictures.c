#include "pictures.h"

#include <stdio.h>
#include <unistd.h>

#include "output.h"

heed_status put_picture(const invocation *line, const heed_picture *picture, const char *output) {
    char *bytes;
    size_t size;
    if (output) return heed_picture_save(picture, NULL, output);
    heed_status status =
        heed_picture_draw(picture, NULL, has_all_colors(), terminal_columns(STDOUT_FILENO), &bytes, &size);
    if (status != HEED_OK) return status;
    fwrite(bytes, 1, size, stdout);
    heed_free(line->context, bytes);
    return HEED_OK;
}

int draw_pictures(text_source *texts, heed_model *model, const char *output, bool skips_blank,
                  heed_status (*open)(heed_model *model, const heed_options *options, const char *text, size_t size,
                                      heed_picture **picture)) {
    const invocation *line = texts->line;
    int code = EXIT_DONE;
    while (next_texts(texts)) {
        for (size_t i = 0; i < texts->count; i++) {
            heed_picture *picture = NULL;
            heed_status status = HEED_LENGTH;
            if (skips_blank && texts->items[i] && heed_text_is_blank(texts->items[i], texts->sizes[i])) continue;
            if (output && texts->first + i > 1)
                return report_usage(line, "%s can contain only one text, but there are more", output);
            if (texts->items[i]) status = open(model, line->options, texts->items[i], texts->sizes[i], &picture);
            if (status == HEED_OK) status = put_picture(line, picture, output);
            heed_picture_close(picture);
            if (status == HEED_LENGTH || status == HEED_NUMERIC) {
                report_text(texts, i, texts->items[i] ? heed_context_message(line->context) : too_long);
                code = EXIT_FAILED;
            } else if (status != HEED_OK) {
                return report_failure(line, status);
            }
        }
        if (!flush_output()) break;
    }
    return texts->failed ? EXIT_FAILED : code;
}
