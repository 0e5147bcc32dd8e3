/* Options that BLEU of files and BLEU by length share. */
#ifndef HD_MEASURE_BLEU_H
#define HD_MEASURE_BLEU_H

#include "measure/evaluate.h"
#include "measure/metrics/bleu.h"

typedef struct hd_bleu_settings {
    hd_string_list reference;
    int tokenize, smooth; /* hd_bleu_tokenizer, hd_bleu_smoothing */
    double smooth_value;
    bool lowercase, effective_order;
    int64_t width;
    char *source; /* of lengths */
    int64_t bucket;
} hd_bleu_settings;

extern const hd_option_table hd_bleu_table;

/* Opens a BLEU count with these settings. */
heed_status hd_bleu_open_for(const hd_measuring *measuring, hd_bleu **bleu);
/* The call's files, then the references, and last `more` unless that is NULL. HEED_ARGUMENT without a reference. To be closed
 * after success and failure alike. */
heed_status hd_bleu_open_files(const hd_measuring *measuring, const char *more, hd_parallel_files *files);

#endif
