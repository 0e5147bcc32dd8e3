/* Common code of the measures of heed/heed.h: calling one, and reading several files line by line in parallel. */
#ifndef HD_MEASURE_EVALUATE_H
#define HD_MEASURE_EVALUATE_H

#include "base/lines.h"
#include "base/options.h"
#include "models/model.h"

/* A call of a measure. */
typedef struct hd_measuring {
    heed_context *context;
    heed_model *model;        /* NULL: answers come from files */
    const char *const *files; /* [count]; "-" is standard input */
    size_t count;
    const void *settings; /* of the measure's table, with all values set */
    bool json;
    const char *picture; /* a file to draw into; NULL: none */
    hd_buffer *out;      /* the report */
} hd_measuring;

typedef heed_status hd_measure_function(const hd_measuring *measuring);

/* Reads the options, measures, and returns the report, which the caller frees with heed_free. */
heed_status hd_measure(hd_measuring measuring, const hd_option_table *table, const heed_options *options,
                       hd_measure_function *measure, char **report);

/* "name": number, as JSON has numbers; `digits` after the point. */
void hd_report_number(hd_buffer *out, const char *format, double number);

/* Line i of each of several files, which all have as many. */
typedef struct hd_parallel_files {
    heed_context *context;
    size_t count, opened;
    hd_lines *files;    /* [count] */
    const char **texts; /* [count] */
    size_t *sizes;      /* [count] */
} hd_parallel_files;

/* HEED_ARGUMENT when standard input is named twice. To be closed after success and failure alike. */
heed_status hd_parallel_files_open(heed_context *context, const char *const *paths, size_t count,
                                   hd_parallel_files *files);
/* The next line of each; false in *more at the end of all. HEED_FORMAT, with both counts, where one ends before another;
 * HEED_FORMAT also at the end of files without a line. */
heed_status hd_parallel_files_next(hd_parallel_files *files, bool *more);
void hd_parallel_files_close(hd_parallel_files *files);

#endif
