/* batches RECIPE FOLDER: begins the run of `heed train RECIPE --output FOLDER`. Saves the initial model into FOLDER
 * and writes one line of JSON per step with the inputs and targets of its examples, [[[source ids], [target ids]],
 * …] as in data/corpus.h. bench/loss_curves.py trains PyTorch on them. */
#include <stdio.h>

#include "train/run.h"

static void print_ids(const int32_t *ids, int32_t count) {
    for (int32_t i = 0; i < count; i++) printf("%s%d", i ? ", " : "[", ids[i]);
    printf(count ? "]" : "[]");
}

static heed_status print_steps(hd_run *run, hd_update *update) {
    for (int64_t step = 0; step < run->options.steps; step++) {
        HD_TRY(hd_run_draw(run, update));
        for (size_t i = 0; i < update->count; i++) {
            const hd_pair *pair = &update->pairs[i];
            printf(i ? ", [" : "[[");
            print_ids(pair->source, pair->source_count);
            printf(", ");
            print_ids(pair->target, pair->target_count);
            printf("]");
        }
        puts("]");
    }
    return HEED_OK;
}

static heed_status begin(heed_context *context, heed_options *options, const char *recipe, const char *folder) {
    HD_TRY(heed_options_set(options, "recipe", recipe));
    hd_run *run;
    hd_update update;
    hd_update_open(&update, context);
    heed_status status = hd_run_open(context, options, folder, &run);
    if (status == HEED_OK) {
        status = hd_run_export(run);
        if (status == HEED_OK) status = print_steps(run, &update);
        if (status != HEED_OK) hd_fail_as(context, run->context, status);
    }
    hd_update_close(&update);
    hd_run_close(run);
    return status;
}

int main(int count, char **words) {
    heed_context *context;
    heed_options *options = NULL;
    if (count != 3 || heed_context_open(&context) != HEED_OK) {
        fprintf(stderr, "batches RECIPE FOLDER\n");
        return 2;
    }
    heed_status status = heed_train_options(context, &options);
    if (status == HEED_OK) status = begin(context, options, words[1], words[2]);
    if (status != HEED_OK) fprintf(stderr, "batches: %s\n", heed_context_message(context));
    heed_options_close(options);
    heed_context_close(context);
    return status != HEED_OK;
}
