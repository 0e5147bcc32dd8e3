/* Validation: the loss on held-out examples, and BLEU, accuracy or the F1 of spans. */
#include "base/lines.h"
#include "tasks/results.h"
#include "tasks/translate.h"
#include "measure/squad.h"
#include "train/run.h"

#include <math.h>
#include <string.h>

enum { LINES_AT_ONCE = 1000 };

/* Some lines of a file, copied. */
typedef struct some_lines {
    hd_lines file;
    hd_buffer text;
    size_t starts[LINES_AT_ONCE], sizes[LINES_AT_ONCE];
    const char *texts[LINES_AT_ONCE];
    size_t count;
} some_lines;

typedef struct held_out {
    hd_run *run;
    some_lines source, target;
    hd_checksum sum; /* of what was read */
} held_out;

static heed_status open_lines(hd_run *run, const char *path, some_lines *lines) {
    hd_buffer_open(&lines->text, run->context);
    return hd_lines_open(run->context, path, 0, &lines->file);
}

static void close_lines(some_lines *lines) {
    if (lines->file.context) hd_lines_close(&lines->file);
    if (lines->text.context) hd_buffer_close(&lines->text);
}

/* The next lines; count is 0 at the end. */
static heed_status read_lines(some_lines *lines, hd_checksum *sum) {
    hd_buffer_clear(&lines->text);
    lines->count = 0;
    while (lines->count < LINES_AT_ONCE && hd_lines_next(&lines->file)) {
        size_t i = lines->count++;
        lines->starts[i] = lines->text.size;
        lines->sizes[i] = lines->file.size;
        hd_buffer_append(&lines->text, lines->file.text, lines->file.size);
        hd_checksum_add(sum, &lines->file.size, sizeof lines->file.size);
        hd_checksum_add(sum, lines->file.text, lines->file.size);
    }
    for (size_t i = 0; i < lines->count && !lines->text.failed; i++)
        lines->texts[i] = lines->text.data + lines->starts[i];
    return lines->text.failed ? HEED_MEMORY : lines->file.status;
}

/* The files are read anew in each validation, and may have been changed since the examples were read from them. */
static heed_status fail_changed(hd_run *run, const held_out *h) {
    return hd_fail(run->context, HEED_FORMAT,
                   "%s and %s were changed during the training run: they have %llu and %llu lines",
                   run->options.valid_source, run->options.valid_target, (unsigned long long)h->source.file.number,
                   (unsigned long long)h->target.file.number);
}

static heed_status check_ends(held_out *h) {
    while (hd_lines_next(&h->source.file) || hd_lines_next(&h->target.file)) continue;
    HD_TRY(h->source.file.status);
    HD_TRY(h->target.file.status);
    return fail_changed(h->run, h);
}

static heed_status add_translations(held_out *h, hd_bleu *bleu) {
    hd_run *run = h->run;
    hd_decoding settings;
    HD_TRY(hd_decoding_open(run->model, NULL, &hd_translate_table, &settings));
    settings.generation.beams = run->options.valid_beams;
    settings.generation.best = 1;
    heed_results *results;
    heed_status status =
        hd_translate(run->model, &settings, h->source.texts, h->source.sizes, h->source.count, &results);
    for (size_t i = 0; i < h->source.count && status == HEED_OK; i++) {
        const char *text = heed_results_text(results, i, 0);
        status =
            hd_bleu_add(bleu, text ? text : "", text ? strlen(text) : 0, &h->target.texts[i], &h->target.sizes[i], 1);
    }
    heed_results_close(results);
    return status;
}

static heed_status translate_all(held_out *h, hd_bleu *bleu) {
    hd_run *run = h->run;
    for (;;) {
        HD_TRY(read_lines(&h->source, &h->sum));
        HD_TRY(read_lines(&h->target, &h->sum));
        if (h->source.count != h->target.count) return check_ends(h);
        if (!h->source.count) break;
        HD_TRY(add_translations(h, bleu));
    }
    uint64_t sum = hd_checksum_value(&h->sum);
    bool same = h->source.file.number == run->valid.lines && (!run->valid_sum || run->valid_sum == sum);
    run->valid_sum = sum;
    return same ? HEED_OK : fail_changed(run, h);
}

static heed_status measure_bleu(hd_run *run) {
    hd_bleu_options options = {.tokenizer = (hd_bleu_tokenizer)run->options.bleu_tokenize,
                               .lowercase = run->options.bleu_lowercase};
    held_out *h = hd_alloc_zeroed(run->context, 1, sizeof *h);
    if (!h) return HEED_MEMORY;
    h->run = run;
    hd_bleu *bleu = NULL;
    heed_status status = open_lines(run, run->options.valid_source, &h->source);
    if (status == HEED_OK) status = open_lines(run, run->options.valid_target, &h->target);
    if (status == HEED_OK) status = hd_bleu_open(run->context, &options, &bleu);
    if (status == HEED_OK) status = translate_all(h, bleu);
    if (status == HEED_OK) {
        hd_bleu_result result;
        hd_bleu_score(bleu, &result);
        run->score = result.score;
    }
    hd_bleu_close(bleu);
    close_lines(&h->source);
    close_lines(&h->target);
    hd_free(run->context, h);
    return status;
}

static heed_status measure_answers(hd_run *run) {
    hd_squad_scores scores;
    HD_TRY(hd_squad_evaluate(run->model, run->options.valid_source, &scores));
    double sum = run->metric == HD_METRIC_EXACT_MATCH ? scores.all.exact : scores.all.f1;
    run->score = hd_squad_mean(sum, scores.all.count);
    return HEED_OK;
}

heed_status hd_validate(hd_run *run, double *metric) {
    HD_TRY(hd_run_loss(run, &run->valid, &run->valid_loss));
    if (!isfinite(run->valid_loss))
        return hd_fail(run->context, HEED_NUMERIC,
                       "step %lld: the validation's loss is %f; resume the last checkpoint with a smaller lr",
                       (long long)run->state.step, run->valid_loss);
    if (run->metric == HD_METRIC_BLEU) HD_TRY(measure_bleu(run));
    if (run->metric == HD_METRIC_ACCURACY || run->metric == HD_METRIC_SPAN_F1)
        HD_TRY(hd_validate_predictions(run, &run->score));
    if (run->metric == HD_METRIC_EXACT_MATCH || run->metric == HD_METRIC_ANSWER_F1) HD_TRY(measure_answers(run));
    *metric = run->metric == HD_METRIC_LOSS ? -run->valid_loss : run->score;
    return HEED_OK;
}
