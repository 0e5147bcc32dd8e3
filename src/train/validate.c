/* Validation: the loss on held-out examples, and BLEU, accuracy or the F1 of spans. */
#include "base/lines.h"
#include "tasks/results.h"
#include "tasks/translate.h"
#include "train/run.h"

#include <math.h>
#include <string.h>

enum { LINES_AT_ONCE = 1000 };

static heed_status add_translations(hd_run *run, const hd_line_index *sources, const hd_line_index *targets,
                                    uint64_t first, uint64_t end, hd_bleu *bleu) {
    const char *texts[LINES_AT_ONCE];
    size_t sizes[LINES_AT_ONCE];
    hd_translate_options settings;
    HD_TRY(hd_translate_settings(run->model, NULL, &settings));
    settings.generation.beams = run->options.valid_beams;
    settings.generation.best = 1;
    for (uint64_t i = first; i < end; i++) hd_line_index_get(sources, i, &texts[i - first], &sizes[i - first]);
    heed_results *results;
    HD_TRY(hd_translate(run->model, &settings, texts, sizes, (size_t)(end - first), &results));
    heed_status status = HEED_OK;
    for (uint64_t i = first; i < end && status == HEED_OK; i++) {
        const char *reference, *text = heed_results_text(results, (size_t)(i - first), 0);
        size_t size;
        hd_line_index_get(targets, i, &reference, &size);
        status = hd_bleu_add(bleu, text ? text : "", text ? strlen(text) : 0, &reference, &size, 1);
    }
    heed_results_close(results);
    return status;
}

static heed_status measure_bleu(hd_run *run) {
    hd_bleu_options options = {.tokenizer = (hd_bleu_tokenizer)run->options.bleu_tokenize,
                               .lowercase = run->options.bleu_lowercase};
    hd_line_index sources = {0}, targets = {0};
    hd_bleu *bleu = NULL;
    heed_status status = hd_line_index_open(run->context, run->options.valid_source, &sources);
    if (status == HEED_OK) status = hd_line_index_open(run->context, run->options.valid_target, &targets);
    if (status == HEED_OK) status = hd_bleu_open(run->context, &options, &bleu);
    for (uint64_t i = 0; status == HEED_OK && i < sources.count; i += LINES_AT_ONCE)
        status = add_translations(run, &sources, &targets, i,
                                  i + LINES_AT_ONCE < sources.count ? i + LINES_AT_ONCE : sources.count, bleu);
    if (status == HEED_OK) {
        hd_bleu_result result;
        hd_bleu_score(bleu, &result);
        run->score = result.score;
    }
    hd_bleu_close(bleu);
    hd_line_index_close(&sources);
    hd_line_index_close(&targets);
    return status;
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
    *metric = run->metric == HD_METRIC_LOSS ? -run->valid_loss : run->score;
    return HEED_OK;
}
