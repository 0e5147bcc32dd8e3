/* BLEU over a corpus (Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002), with the
 * numbers, the line and the signature of sacreBLEU. Sentences are added one at a time and only counts are kept. */
#ifndef HD_MEASURE_METRICS_BLEU_H
#define HD_MEASURE_METRICS_BLEU_H

#include "base/buffer.h"
#include "base/context.h"
#include "measure/metrics/bleu_tokenize.h"

enum { HD_BLEU_ORDERS = 4 }; /* n-grams of 1 to 4 tokens */

/* Smoothing: the value used for a precision of zero, whose logarithm would make the whole score zero (Chen and
 * Cherry, "A systematic comparison of smoothing techniques for sentence-level BLEU", 2014). */
typedef enum hd_bleu_smoothing {
    HD_BLEU_EXP,   /* the kth such order counts half of what the one before did, from 1/2 match (mteval-v13a) */
    HD_BLEU_FLOOR, /* `smooth_value` matches, 0.1 by default */
    HD_BLEU_ADD_K, /* `smooth_value`, 1 by default, is added to matches and totals of every order but the first */
    HD_BLEU_NO_SMOOTHING
} hd_bleu_smoothing;

/* All zero is sacreBLEU's default. */
typedef struct hd_bleu_options {
    hd_bleu_tokenizer tokenizer;
    hd_bleu_smoothing smoothing;
    double smooth_value; /* 0: the smoothing's own default */
    bool lowercase;
    bool effective_order; /* leave out orders that no hypothesis is long enough for: for scores of single sentences */
} hd_bleu_options;

typedef struct hd_bleu_result {
    double score;                                /* 0 to 100 */
    double precisions[HD_BLEU_ORDERS];           /* 0 to 100, smoothed */
    double brevity_penalty;                      /* 0 to 1 */
    double ratio;                                /* hypothesis_length / reference_length, or 0 */
    int64_t hypothesis_length, reference_length; /* tokens; of references the closest to the hypothesis, each time */
    int64_t matches[HD_BLEU_ORDERS], totals[HD_BLEU_ORDERS]; /* n-grams of the hypotheses: found in a reference, all */
    int64_t sentences;
} hd_bleu_result;

typedef struct hd_bleu hd_bleu;

heed_status hd_bleu_open(heed_context *context, const hd_bleu_options *options, hd_bleu **bleu);
void hd_bleu_close(hd_bleu *bleu); /* NULL is fine */

/* Adds a hypothesis and its `count` references, which need not be the same number each time; white space at the ends
 * does not matter, and invalid UTF-8 is U+FFFD. HEED_ARGUMENT without a reference, HEED_LENGTH for a text of more than
 * 500 million tokens, HEED_MEMORY; then nothing was added. */
heed_status hd_bleu_add(hd_bleu *bleu, const char *hypothesis, size_t size, const char *const *references,
                        const size_t *sizes, size_t count);
/* The score of all sentences added so far. More may be added afterwards. Without any common n-gram it is 0. Writes a
 * note to the context's log when 100 hypotheses end in " .", because such text is probably tokenized already. */
void hd_bleu_score(const hd_bleu *bleu, hd_bleu_result *result);

/* `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|heed:0.1.0` */
void hd_bleu_signature(const hd_bleu *bleu, hd_buffer *out);
/* `40.1/25.0/… (BP = 1.000 ratio = 1.000 hyp_len = 5 ref_len = 5)` */
void hd_bleu_verbose(const hd_bleu_result *result, hd_buffer *out);
/* `BLEU|SIGNATURE = 35.1 VERBOSE`, with `digits` decimals of the score (sacrebleu prints 1, or 2 from Python). */
void hd_bleu_line(const hd_bleu *bleu, const hd_bleu_result *result, int digits, hd_buffer *out);
/* {"name": "BLEU", "score": 35.1, "signature": …, "verbose_score": …, "nrefs": "1", …}: sacrebleu's fields, on one line. */
void hd_bleu_json(const hd_bleu *bleu, const hd_bleu_result *result, int digits, hd_buffer *out);

#endif
