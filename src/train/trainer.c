/* Training: read from heed_train at the end upwards. */
#include "base/clock.h"
#include "base/file.h"
#include "base/float_environment.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- settings ---- */

/* In ascending priority: defaults, the recipe of the folder's first run (NULL: none), the recipe that the options
 * name, and the options. */
static heed_status read_layers(heed_context *context, const char *begun, const heed_options *options,
                               hd_train_options *out) {
    const hd_option_table *table = &hd_train_table;
    HD_TRY(hd_settings_default(context, table->rows, table->count, out));
    if (begun) HD_TRY(hd_recipe_read(context, table->rows, table->count, out, begun));
    HD_TRY(hd_options_apply(context, options, table, out));
    if (!out->recipe) return HEED_OK;
    HD_TRY(hd_recipe_read(context, table->rows, table->count, out, out->recipe));
    return hd_options_apply(context, options, table, out);
}

/* Refuses to resume with other options than the run was begun with, by name, unless they may change. */
static heed_status compare(hd_run *run, const hd_train_options *begun) {
    heed_status status = HEED_OK;
    for (size_t i = 0; i < hd_train_table.count && status == HEED_OK; i++) {
        const hd_setting *row = &hd_train_table.rows[i];
        hd_buffer before, after;
        hd_buffer_open(&before, run->context);
        hd_buffer_open(&after, run->context);
        hd_setting_value(row, begun, &before);
        hd_setting_value(row, &run->options, &after);
        const char *then = before.size ? before.data : "nothing", *now = after.size ? after.data : "nothing";
        bool differs = strcmp(then, now) != 0 && !(row->flags & HD_TRAIN_OF_CALL);
        if (before.failed || after.failed)
            status = HEED_MEMORY;
        else if (differs && row->flags & HD_TRAIN_MAY_CHANGE)
            hd_note(run->context, "%s was %s, and is %s from here on", row->name, then, now);
        else if (differs)
            status = hd_fail(run->context, HEED_ARGUMENT, "%s was begun with %s = %s and cannot be resumed with %s",
                             run->folder, row->name, then, now);
        hd_buffer_close(&before);
        hd_buffer_close(&after);
    }
    return status;
}

/* Writes recipe.ini. Where it replaces another, a checkpoint that accepts both comes first. */
static heed_status write_own_recipe(hd_run *run) {
    hd_buffer text;
    hd_buffer_open(&text, run->context);
    hd_recipe_write(hd_train_table.rows, hd_train_table.count, &run->options, &text);
    heed_status status = text.failed ? HEED_MEMORY : HEED_OK;
    if (status == HEED_OK) run->recipe_sum = hd_checksum_of(text.data, text.size);
    bool changed = run->recipe_sum != run->old_recipe_sum;
    if (status == HEED_OK && changed && run->saved_step) status = hd_checkpoint_save(run);
    if (status == HEED_OK && changed) status = hd_run_record(run, !run->saved_step);
    if (status == HEED_OK && changed) status = hd_run_write_recipe(run, text.data, text.size);
    run->old_recipe_sum = run->recipe_sum;
    hd_buffer_close(&text);
    return status;
}

static heed_status read_checksum(hd_run *run, const char *path, uint64_t *sum) {
    hd_buffer text;
    hd_buffer_open(&text, run->context);
    heed_status status = hd_file_read(run->context, path, &text);
    if (status == HEED_OK) *sum = hd_checksum_of(text.data, text.size);
    hd_buffer_close(&text);
    return status;
}

/* The folder is that of a run whose files nobody has changed since. */
static heed_status check_resumed(hd_run *run, const char *own) {
    bool checkpoint;
    HD_TRY(read_checksum(run, own, &run->old_recipe_sum));
    HD_TRY(hd_checkpoint_check(run, &checkpoint)); /* before a recipe that this heed may not understand */
    return hd_run_check_folder(run, checkpoint);
}

static heed_status resolve_resumed(hd_run *run, const heed_options *options, const char *own) {
    hd_train_options begun;
    memset(&begun, 0, sizeof begun);
    hd_settings_free(run->context, hd_train_table.rows, hd_train_table.count, &run->options);
    heed_status status = read_layers(run->context, own, NULL, &begun);
    if (status == HEED_OK) status = read_layers(run->context, own, options, &run->options);
    if (status == HEED_OK) status = compare(run, &begun);
    hd_settings_free(run->context, hd_train_table.rows, hd_train_table.count, &begun);
    return status;
}

/* Checks that exactly the files that the objective needs are given. */
static heed_status check_files(heed_context *context, const hd_train_options *o, const hd_objective *objective) {
    if (!o->train_source || (objective->two_files && !o->train_target))
        return hd_fail(context, HEED_ARGUMENT, "training needs train-source%s",
                       objective->two_files ? " and train-target" : "");
    if (!objective->two_files && (o->train_target || o->valid_target))
        return hd_fail(context, HEED_ARGUMENT, "the objective %s reads no train-target or valid-target",
                       objective->name);
    if (objective->two_files && !o->valid_source != !o->valid_target)
        return hd_fail(context, HEED_ARGUMENT, "valid-source and valid-target are given together or not at all");
    return HEED_OK;
}

static heed_status check(heed_context *context, const hd_train_options *o, hd_metric metric) {
    const hd_objective *objective = &hd_objectives[o->objective];
    const struct {
        const char *option;
        bool given, applies;
    } options[] = {{"crf", o->crf, objective->crf},
                   {"copy", o->copy, objective->encodes && objective->decodes},
                   {"r-drop", o->r_drop > 0, objective->r_drop},
                   {"bpe-dropout", o->bpe_dropout > 0, objective->bpe_dropout},
                   {"whole-file", o->whole_file, objective->whole_file}};
    HD_TRY(hd_run_check_family(context, o));
    HD_TRY(check_files(context, o, objective));
    if (!(objective->metrics >> metric & 1))
        return hd_fail(context, HEED_ARGUMENT, "the metric %s does not apply to the objective %s",
                       hd_metrics[metric].option, objective->name);
    for (size_t i = 0; i < HD_COUNT(options); i++)
        if (options[i].given && !options[i].applies)
            return hd_fail(context, HEED_ARGUMENT, "%s does not apply to the objective %s", options[i].option,
                           objective->name);
    if (o->r_drop > 0 && o->crf) return hd_fail(context, HEED_ARGUMENT, "r-drop does not apply to a crf");
    return HEED_OK;
}

static heed_status resolve(hd_run *run, const heed_options *options) {
    heed_context *context = run->context;
    HD_TRY(read_layers(context, NULL, options, &run->options));
    run->resume = run->options.resume;
    if (run->resume) {
        HD_TRY(hd_run_lock(run));
        char *own = hd_path_join(context, run->folder, "recipe.ini");
        heed_status status = own ? check_resumed(run, own) : HEED_MEMORY;
        if (status == HEED_OK) status = resolve_resumed(run, options, own);
        hd_free(context, own);
        HD_TRY(status);
    }
    /* The folder's own recipe decides the objective, however the options were given. */
    run->options.resume = false;
    hd_free(context, run->options.recipe);
    run->options.recipe = NULL;
    const hd_train_options *o = &run->options;
    run->objective = (hd_objective_kind)o->objective;
    run->metric = o->metric == HD_METRIC_AUTO ? hd_run_objective(run)->metric : (hd_metric)o->metric;
    if (o->label_smoothing < 0) run->options.label_smoothing = hd_run_objective(run)->label_smoothing;
    return check(context, o, run->metric);
}

/* ---- the run ---- */

static heed_status open_data(hd_run *run) {
    const hd_train_options *o = &run->options;
    const heed_tokenizer *tokenizer = run->model->tokenizer;
    const hd_objective *objective = &hd_objectives[run->objective];
    int64_t longest = hd_recipe_max_positions(&run->model->network->recipe);
    hd_corpus_options train = {.source = o->train_source,
                               .target = o->train_target,
                               .folder = run->folder,
                               .targets = hd_model_side(run->model, HD_DECODER),
                               .vocabulary = run->model->network->recipe.vocabulary,
                               .classes = objective->questions ? 0 : hd_network_classes(run->model->network),
                               .most = hd_min(o->max_tokens, longest) + objective->cuts_texts,
                               .bpe_dropout = o->bpe_dropout,
                               .seed = (uint64_t)o->seed,
                               .read = objective->read,
                               .draw = objective->draw,
                               .weight = objective->weight,
                               .whole_file = o->whole_file,
                               .stride = o->stride,
                               .labels = &run->labels};
    hd_corpus_options valid = train;
    valid.source = o->valid_source;
    valid.target = o->valid_target;
    valid.bpe_dropout = 0;
    if (objective->cuts_texts)
        valid.draw = NULL;
    else if (!objective->questions)
        valid.most = longest;
    HD_TRY(hd_corpus_open(run->context, tokenizer, &train, &run->train));
    if (o->valid_source) HD_TRY(hd_corpus_open(run->context, tokenizer, &valid, &run->valid));
    HD_TRY(hd_batches_open(run->context, &run->train, (uint64_t)o->seed, o->shuffle_window, o->batch_tokens,
                           &run->batches));
    return hd_batches_seek(&run->batches, run->state.epoch, run->state.batch);
}

static heed_status open_workers(hd_run *run) {
    const hd_network *network = run->model->network;
    hd_tree_open(&run->tree, &run->model->network->numbers, network->gradient_count);
    run->workers = hd_alloc_zeroed(run->context, (size_t)run->context->threads, sizeof *run->workers);
    if (!run->workers) return HEED_MEMORY;
    for (int i = 0; i < run->context->threads; i++) {
        run->workers[i].context = hd_context_worker(run->context, 1);
        hd_pass_open(&run->workers[i].pass, &run->workers[i].context, &run->model->network->arena);
    }
    return HEED_OK;
}

static heed_status load_checkpoint(hd_run *run) {
    bool found;
    HD_TRY(hd_checkpoint_load(run, &found));
    if (found)
        hd_note(run->context, "resuming after step %lld", (long long)run->state.step);
    else
        hd_note(run->context, "%s has no checkpoint yet: starting from the first step", run->folder);
    return HEED_OK;
}

/* Other data would not give the same weights as an uninterrupted run. */
static heed_status check_data(hd_run *run) {
    const hd_train_options *o = &run->options;
    if (!run->saved_step || run->data_sum == run->train.checksum) return HEED_OK;
    return hd_fail(run->context, HEED_FORMAT,
                   "%s%s%s: changed since the checkpoint of %s, which cannot be resumed with it", o->train_source,
                   o->train_target ? " or " : "", o->train_target ? o->train_target : "", run->folder);
}

/* A missing file is reported now, not at the end of the run. */
static heed_status check_card(hd_run *run) {
    if (!run->options.card) return HEED_OK;
    int descriptor;
    HD_TRY(hd_open_to_read(run->context, run->options.card, &descriptor));
    close(descriptor);
    return HEED_OK;
}

static heed_status open_run(hd_run *run, const heed_options *options) {
    HD_TRY(hd_check_name(run->context, "folder", run->folder));
    HD_TRY(resolve(run, options));
    HD_TRY(check_card(run));
    if (!run->resume) HD_TRY(hd_run_claim(run));
    if (!run->resume) HD_TRY(write_own_recipe(run));
    run->context->bf16 = run->options.compute == HD_COMPUTE_BF16;
    HD_TRY(hd_run_make_model(run));
    HD_TRY(hd_optimizer_open(&run->optimizer, run->model->network, &run->options));
    HD_TRY(open_workers(run));
    if (run->resume) HD_TRY(load_checkpoint(run));
    HD_TRY(open_data(run));
    HD_TRY(check_data(run));
    if (run->resume) HD_TRY(write_own_recipe(run));
    return hd_report_open(run);
}

heed_status hd_run_open(heed_context *context, const heed_options *options, const char *folder, hd_run **out) {
    hd_run *run = *out = hd_alloc_zeroed(context, 1, sizeof *run);
    if (!run) return HEED_MEMORY;
    run->forked = hd_context_fork(context, context->threads);
    run->context = &run->forked;
    run->folder = folder;
    run->valid_loss = run->score = NAN;
    run->state.best = -INFINITY;
    heed_status status = open_run(run, options);
    if (status == HEED_STOPPED && run->resume) hd_fail(run->context, status, "stopped; the same command continues");
    if (status == HEED_STOPPED && !run->resume) hd_fail(run->context, status, "stopped before the first step");
    return status == HEED_OK ? HEED_OK : hd_fail_as(context, run->context, status);
}

void hd_run_close(hd_run *run) {
    if (!run) return;
    hd_run_release(run);
    hd_batches_close(&run->batches);
    hd_corpus_close(&run->train);
    hd_corpus_close(&run->valid);
    for (int i = 0; run->workers && i < run->context->threads; i++)
        if (run->workers[i].pass.context) hd_pass_close(&run->workers[i].pass);
    hd_free(run->context, run->workers);
    hd_tree_close(&run->tree);
    hd_model_close(run->model);
    hd_labels_close(run->context, &run->labels);
    hd_settings_free(run->context, hd_train_table.rows, hd_train_table.count, &run->options);
    hd_free(run->context, run);
}

/* A NaN does not go away: report where it occurred, its usual causes, and which checkpoint can be resumed. */
static heed_status explain(hd_run *run, heed_status status) {
    if (status != HEED_OK && status != HEED_NUMERIC) return status;
    char kept[96] = "there is no checkpoint yet";
    if (run->saved_step)
        snprintf(kept, sizeof kept, "the checkpoint of step %lld is kept, to be resumed with them",
                 (long long)run->saved_step);
    char what[320];
    if (isfinite(run->loss))
        snprintf(what, sizeof what, "the loss is %f, but the gradient's norm %f", run->loss, run->optimizer.norm);
    else
        snprintf(what, sizeof what, "the loss is %s, and %s", isnan(run->loss) ? "NaN" : "infinite", run->non_finite);
    return hd_fail(run->context, HEED_NUMERIC,
                   "step %lld (epoch %llu, batch %llu): %s; a smaller lr, a longer warmup, clip%s may help; %s",
                   (long long)run->state.step + 1, (unsigned long long)run->state.epoch,
                   (unsigned long long)run->state.batch, what,
                   run->options.compute == HD_COMPUTE_BF16 ? " or compute = f32 in place of bf16" : "", kept);
}

static heed_status take_step(hd_run *run) {
    double start = hd_clock();
    uint64_t epoch = run->state.epoch, batch = run->state.batch;
    heed_status status = hd_run_batches(run);
    if (status == HEED_STOPPED) run->state.epoch = epoch, run->state.batch = batch; /* the step was not made */
    if (status == HEED_OK && isfinite(run->loss)) status = hd_optimizer_step(&run->optimizer, run->state.step + 1);
    if (status != HEED_OK || !isfinite(run->loss)) return explain(run, status);
    run->state.step++;
    run->state.tokens += (uint64_t)run->step_tokens;
    if (run->state.step > run->first_step + 1) { /* the first step also warms up caches */
        run->seconds += hd_clock() - start;
        run->timed_tokens += (uint64_t)run->step_tokens;
    }
    return HEED_OK;
}

/* The state changes once nothing can stop the validation any more. */
static heed_status validate(hd_run *run) {
    double metric;
    HD_TRY(hd_validate(run, &metric));
    hd_run_state *s = &run->state;
    bool better = s->best_step == 0 || metric > s->best || (metric == s->best && run->valid_loss < s->best_loss);
    if (better) HD_TRY(hd_run_export(run)); /* usable from here on */
    s->validations++;
    s->validated = s->step;
    s->worse = better ? 0 : s->worse + 1;
    if (better) s->best = metric, s->best_loss = run->valid_loss, s->best_step = s->step;
    HD_TRY(hd_checkpoint_keep(run));
    return hd_report_validation(run, better);
}

static bool is_validation_due(const hd_run *run) {
    int64_t step = run->state.step;
    return run->options.valid_source && step && step % run->options.validate_every == 0 && run->state.validated != step;
}

static bool is_over(const hd_run *run) {
    const hd_train_options *o = &run->options;
    return run->state.step >= o->steps || (o->epochs && run->state.epoch >= (uint64_t)o->epochs) ||
           (o->patience && run->state.worse >= o->patience);
}

/* The folder holds the best validation's model; the average of the last ones replaces it where that is better. */
static heed_status finish(hd_run *run) {
    if (!run->options.valid_source) return hd_run_export(run);
    if (run->state.step != run->state.best_step && run->state.step % run->options.validate_every) HD_TRY(validate(run));
    bool averaged;
    HD_TRY(hd_checkpoint_average(run, &averaged));
    if (!averaged) return HEED_OK;
    double metric;
    HD_TRY(hd_validate(run, &metric));
    hd_note(run->context, "average of the last %lld validations: %.3f, best single one %.3f",
            (long long)run->options.average, fabs(metric), fabs(run->state.best));
    return metric >= run->state.best ? hd_run_export(run) : HEED_OK;
}

/* A step, its validation, and its checkpoint. */
static heed_status run_step(hd_run *run) {
    HD_TRY(take_step(run));
    HD_TRY(hd_report_step(run));
    if (is_validation_due(run)) HD_TRY(validate(run));
    bool continues;
    HD_TRY(hd_report_progress(run, &continues));
    if (!continues || hd_is_stopped(run->context)) return HEED_STOPPED;
    if (run->state.step % run->options.save_every != 0 && !is_over(run)) return HEED_OK;
    return hd_checkpoint_save(run);
}

/* A validation that the end of the last process prevented is made now, and saved as the uninterrupted run would have. */
static heed_status catch_up(hd_run *run) {
    if (!is_validation_due(run)) return HEED_OK;
    HD_TRY(validate(run));
    return hd_checkpoint_save(run);
}

/* Whatever was stopped, the state is that after a whole step. After the last step it is saved already. */
static heed_status stop(hd_run *run) {
    int64_t step = run->state.step;
    if (step == 0) return hd_fail(run->context, HEED_STOPPED, "stopped before the first step");
    if (step != run->saved_step) HD_TRY(hd_checkpoint_save(run));
    return hd_fail(run->context, HEED_STOPPED, "stopped at step %lld of %lld; the same command with --resume continues",
                   (long long)step, (long long)run->options.steps);
}

static heed_status run_to_the_end(hd_run *run) {
    run->started = hd_clock();
    run->first_step = run->state.step;
    heed_status status = catch_up(run);
    while (status == HEED_OK && !is_over(run)) status = run_step(run);
    if (status == HEED_OK) status = finish(run);
    return status == HEED_STOPPED ? stop(run) : status;
}

heed_status heed_train(heed_context *context, const heed_options *options, const char *folder,
                       heed_progress_function *progress, void *user) {
    hd_run *run;
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_run_open(context, options, folder, &run);
    if (status == HEED_OK) {
        run->progress = progress;
        run->user = user;
        status = run_to_the_end(run);
        if (status != HEED_OK) hd_fail_as(context, run->context, status);
    }
    hd_run_close(run);
    hd_float_leave(found);
    return status;
}
