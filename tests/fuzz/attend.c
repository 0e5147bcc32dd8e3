/* Pictures of models' insides: the calls of `heed attend`. The first byte selects a model of models.h, the second the picture and
 * whether it is in colour, the third the width of the terminal; then one line "name=value" or "name" per option up to an empty
 * line; then texts, separated by a byte 0xFE. A call fails with a message, or its picture is drawn in each format that it has
 * and in that of the options. */
#include "drawn.h"
#include "models.h"

enum { MOST_TEXTS = 3, MOST_NUMBER = 30 };

typedef struct picture {
    heed_model *model;
    heed_options *options;
    const char *texts[MOST_TEXTS];
    size_t sizes[MOST_TEXTS], count;
    bool color;
    int columns;
} picture;

typedef heed_status draw_function(const void *what, const heed_options *options, bool color, int columns, char **bytes,
                                  size_t *size);

static heed_status draw_maps(const void *what, const heed_options *options, bool color, int columns, char **bytes,
                             size_t *size) {
    return heed_attention_draw(what, options, color, columns, bytes, size);
}

static heed_status draw_other(const void *what, const heed_options *options, bool color, int columns, char **bytes,
                              size_t *size) {
    return heed_picture_draw(what, options, color, columns, bytes, size);
}

static void draw_as(const picture *p, draw_function *draw, const void *what, const char *format) {
    char *bytes;
    size_t size;
    check(heed_options_set(p->options, "format", format) == HEED_OK);
    heed_status status = draw(what, p->options, p->color, p->columns, &bytes, &size);
    check(status == HEED_OK || (!bytes && heed_context_message(fuzz_context)[0]));
    if (status != HEED_OK) return;
    check(bytes[size] == 0);
    if (strcmp(format, "text") == 0) check_text(bytes, size, p->color);
    if (strcmp(format, "svg") == 0) check_svg(bytes, size);
    if (strcmp(format, "json") == 0) check_json(fuzz_context, bytes, size);
    if (strcmp(format, "html") == 0) check_html(bytes, size);
    heed_free(fuzz_context, bytes);
}

static void draw_all(const picture *p, draw_function *draw, const void *what) {
    static const char *const formats[] = {"text", "svg", "json", "html", "npy"};
    char *bytes;
    size_t size;
    heed_status status = draw(what, p->options, p->color, p->columns, &bytes, &size);
    check((status == HEED_OK) == (bytes != NULL));
    heed_free(fuzz_context, bytes);
    for (size_t i = 0; i < HD_COUNT(formats); i++) draw_as(p, draw, what, formats[i]);
}

static void check_maps(const heed_attention *attention) {
    int64_t count = heed_attention_maps(attention), shape[4];
    check(count > 0 && !heed_attention_weights(attention, count, shape));
    for (int64_t i = 0; i < count; i++) {
        const float *weights = heed_attention_weights(attention, i, shape);
        for (int64_t row = 0; row < shape[0] * shape[1] * shape[2]; row++) {
            double sum = 0;
            for (int64_t k = 0; k < shape[3]; k++) sum += (double)weights[row * shape[3] + k];
            check(sum > 0.999 && sum < 1.001);
        }
        for (int64_t q = 0; q < shape[2]; q++) check(heed_attention_query(attention, i, q) != NULL);
        for (int64_t k = 0; k < shape[3]; k++) check(heed_attention_key(attention, i, k) != NULL);
    }
}

static heed_status attend(const picture *p) {
    heed_attention *attention;
    heed_status status = heed_attend(p->model, p->options, p->texts[0], p->sizes[0], &attention);
    check((status == HEED_OK) == (attention != NULL));
    if (!attention) return status;
    check_maps(attention);
    draw_all(p, draw_maps, attention);
    heed_attention_close(attention);
    return status;
}

static heed_status inspect(const picture *p, int which, heed_picture **out) {
    const char *text = p->texts[0];
    size_t size = p->sizes[0];
    switch (which) {
        case 0:
            return heed_inspect_steps(p->model, p->options, text, size, out);
        case 1:
            return heed_inspect_embeddings(p->model, p->options, size ? text : NULL, size, out);
        case 2:
            return heed_inspect_positions(p->model, p->options, out);
        case 3:
            return heed_inspect_nearest(p->model, p->options, text, out);
        default:
            return heed_inspect_gradients(&p->model, 1, p->options, p->texts, p->sizes, p->count, out);
    }
}

static heed_status draw_inspected(const picture *p, int which) {
    heed_picture *out;
    heed_status status = inspect(p, which, &out);
    check((status == HEED_OK) == (out != NULL));
    if (out) draw_all(p, draw_other, out);
    heed_picture_close(out);
    return status;
}

/* Each ends with a 0, which heed_inspect_nearest needs. */
static void read_texts(picture *p, char *at, char *end) {
    while (p->count < MOST_TEXTS) {
        char *stop = memchr(at, 0xFE, (size_t)(end - at));
        if (!stop) stop = end;
        p->texts[p->count] = at;
        p->sizes[p->count++] = (size_t)(stop - at);
        *stop = 0;
        if (stop == end) return;
        at = stop + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int columns[] = {0, 80, 1, 17, 40, 1000};
    if (size < 3) return 0;
    picture p = {.model = fuzz_model(data[0]), .color = data[1] & 128, .columns = columns[data[2] % HD_COUNT(columns)]};
    check(heed_attend_options(fuzz_context, &p.options) == HEED_OK);
    char *text = malloc(size - 2); /* and a 0 at the end */
    memcpy(text, data + 3, size - 3);
    text[size - 3] = 0;
    char *end = text + size - 3;
    read_texts(&p, read_fuzz_options(p.options, text, end, MOST_NUMBER), end);
    int which = data[1] % 128 % 6;
    heed_status status = which == 5 ? attend(&p) : draw_inspected(&p, which);
    check(status == HEED_OK || heed_context_message(fuzz_context)[0]);
    heed_options_close(p.options);
    free(text);
    return 0;
}
