/* curves TITLE X_TITLE Y_TITLE [log-x] [log-y]: draws lines "name<TAB>x<TAB>y" of standard input as curves, and writes the SVG to
 * standard output. Lines of one name are one curve, with ascending x. bench/scaling.py draws with it. */
#include "inspect/curves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SERIES = 32, MOST_POINTS = 1024, LONGEST_NAME = 64 };

static char names[MOST_SERIES][LONGEST_NAME];
static double x[MOST_SERIES][MOST_POINTS], y[MOST_SERIES][MOST_POINTS];
static hd_series series[MOST_SERIES];

/* The curve of this name; NULL: there are too many. */
static hd_series *find(const char *name, int64_t *count) {
    int64_t i = 0;
    while (i < *count && strcmp(names[i], name) != 0) i++;
    if (i == MOST_SERIES) return NULL;
    if (i == *count) {
        snprintf(names[i], LONGEST_NAME, "%s", name);
        series[(*count)++] = (hd_series){names[i], x[i], y[i], 0};
    }
    return &series[i];
}

int main(int argc, char **argv) {
    char line[256], *first, *second;
    int64_t count = 0;
    if (argc < 4) return fprintf(stderr, "usage: curves TITLE X_TITLE Y_TITLE [log-x] [log-y]\n"), 2;
    while (fgets(line, sizeof line, stdin)) {
        if (!(first = strchr(line, '\t')) || !(second = strchr(first + 1, '\t'))) return 2;
        *first = 0;
        hd_series *one = find(line, &count);
        if (!one || one->count == MOST_POINTS) return 2;
        int64_t index = one - series;
        x[index][one->count] = strtod(first + 1, NULL);
        y[index][one->count++] = strtod(second + 1, NULL);
    }
    hd_curves curves = {.title = argv[1], .x_title = argv[2], .y_title = argv[3], .series = series, .count = count};
    for (int i = 4; i < argc; i++) {
        curves.logarithmic_x |= strcmp(argv[i], "log-x") == 0;
        curves.logarithmic |= strcmp(argv[i], "log-y") == 0;
    }
    heed_context *context;
    hd_buffer out;
    if (heed_context_open(&context) != HEED_OK) return 1;
    hd_buffer_open(&out, context);
    heed_status status = hd_draw_svg_curves(&curves, &out);
    if (status == HEED_OK) fwrite(out.data, 1, out.size, stdout);
    hd_buffer_close(&out);
    heed_context_close(context);
    return status != HEED_OK;
}
