/* The training of a translator: read from heed_train at the end upwards. */
#include "base/clock.h"
#include "base/file.h"
#include "base/float_environment.h"
#include "base/lines.h"
#include "text/train.h"
#include "train/run.h"

#include <math.h>
#include <string.h>

/* ---- the tokenizer ---- */

typedef struct reading {
    heed_context *context;
    const char *paths[2];
    int file;
    bool open;
    hd_lines lines;
} reading;

static heed_status next_line(void *user, const char **text, size_t *size) {
    reading *r = user;
    *text = NULL;
    while (r->file < 2) {
        if (!r->open) HD_TRY(hd_lines_open(r->context, r->paths[r->file], 0, &r->lines));
        r->open = true;
        if (hd_lines_next(&r->lines)) {
            *text = r->lines.text;
            *size = r->lines.size;
            return HEED_OK;
        }
        heed_status status = r->lines.status;
        hd_lines_close(&r->lines);
        r->open = false;
        HD_TRY(status);
        r->file++;
    }
    return HEED_OK;
}

static heed_status train_tokenizer(hd_run *run, heed_tokenizer **tokenizer) {
    const hd_train_options *o = &run->options;
    static const char *const first[] = {"</s>", "<unk>"}, *const last[] = {"<pad>"}; /* as Marian lays out its ids */
    hd_tokenizer_options options = {.vocabulary_size = (size_t)o->vocabulary_size,
                                    .min_frequency = (uint64_t)o->min_frequency,
                                    .form = (hd_normal_form)o->normal_form,
                                    .lowercase = o->lowercase,
                                    .first_specials = first,
                                    .first_count = 2,
                                    .last_specials = last,
                                    .last_count = 1,
                                    .unknown = "<unk>",
                                    .end_of_sentence = "</s>"};
    reading r = {.context = run->context, .paths = {o->train_source, o->train_target}};
    heed_status status = hd_tokenizer_train(run->context, &options, next_line, &r, tokenizer);
    if (r.open) hd_lines_close(&r.lines);
    return status;
}

static heed_status special_id(const hd_run *run, const heed_tokenizer *tokenizer, const char *token, int32_t *id) {
    *id = hd_tokenizer_id(tokenizer, token);
    if (*id >= 0) return HEED_OK;
    return hd_fail(run->context, HEED_FORMAT, "%s: there is no \"%s\" token, which a translator needs",
                   run->options.tokenizer, token);
}

/* ---- the model ---- */

/* A folder's own tokenizer.json, from a run that is resumed; else the one asked for; else a new one. */
static heed_status open_tokenizer(hd_run *run, heed_tokenizer **tokenizer) {
    char *path = hd_path_join(run->context, run->folder, "tokenizer.json");
    if (!path) return HEED_MEMORY;
    heed_status status;
    if (run->resume && hd_file_exists(path))
        status = hd_tokenizer_open(run->context, path, tokenizer);
    else if (run->options.tokenizer)
        status = hd_tokenizer_open(run->context, run->options.tokenizer, tokenizer);
    else
        status = train_tokenizer(run, tokenizer);
    if (status == HEED_OK) status = hd_tokenizer_save(*tokenizer, run->context, path);
    hd_free(run->context, path);
    return status;
}

static heed_status make_model(hd_run *run) {
    const hd_train_options *o = &run->options;
    heed_tokenizer *tokenizer = NULL;
    heed_status status = open_tokenizer(run, &tokenizer);
    hd_recipe recipe = {.architecture = (hd_architecture)o->architecture,
                        .cell = o->cell,
                        .memory = o->memory,
                        .bidirectional = !o->one_direction,
                        .width = o->width,
                        .encoder_layers = o->encoder_layers,
                        .encoder_heads = o->heads,
                        .encoder_ffn_width = o->ffn_width,
                        .decoder_layers = o->decoder_layers,
                        .decoder_heads = o->heads,
                        .decoder_ffn_width = o->ffn_width,
                        .max_positions = o->max_positions,
                        .activation = o->activation,
                        .positions = HD_POSITIONS_SINUSOIDAL,
                        .pre_norm = o->pre_norm,
                        .scale_embedding = true,
                        .output_bias = true,
                        .norm_epsilon = 1e-5f,
                        .dropout = o->dropout,
                        .attention_dropout = o->attention_dropout,
                        .activation_dropout = o->activation_dropout,
                        .initial_spread = 0.02f};
    if (status == HEED_OK) status = special_id(run, tokenizer, "<pad>", &recipe.pad);
    if (status == HEED_OK) status = special_id(run, tokenizer, "</s>", &recipe.eos);
    recipe.decoder_start = recipe.pad;
    recipe.vocabulary = status == HEED_OK ? (int64_t)hd_tokenizer_size(tokenizer) : 0;
    if (status == HEED_OK) status = hd_model_make(run->context, &recipe, tokenizer, (uint64_t)o->seed, &run->model);
    if (status != HEED_OK) hd_tokenizer_close(tokenizer);
    return status;
}

static heed_status open_model(hd_run *run) {
    const hd_train_options *o = &run->options;
    if (!o->model)
        HD_TRY(make_model(run));
    else {
        HD_TRY(hd_model_open(run->context, o->model, HD_OPEN_TO_TRAIN, &run->model));
        hd_recipe *recipe = &run->model->network->recipe;
        recipe->dropout = o->dropout;
        recipe->attention_dropout = o->attention_dropout;
        recipe->activation_dropout = o->activation_dropout;
    }
    run->model->generation = (hd_generation){.beams = o->beams,
                                             .best = 1,
                                             .length_penalty = o->length_penalty,
                                             .repetition_penalty = 1.0f,
                                             .forced_eos = -1,
                                             .max_length = run->model->network->recipe.max_positions};
    hd_network_train(run->model->network);
    return hd_optimizer_open(&run->optimizer, run->model->network, o);
}

/* ---- settings ---- */

/* What may differ between a run and its resumption without changing what was computed so far. */
static const char *const free_to_change[] = {"resume",   "recipe",  "steps", "epochs", "log-every", "save-every",
                                             "patience", "average", "card",  "dtype",  "beams",     "length-penalty"};

static bool is_free_to_change(const char *name) {
    for (size_t i = 0; i < HD_COUNT(free_to_change); i++)
        if (strcmp(free_to_change[i], name) == 0) return true;
    return false;
}

/* Layer on layer: defaults, the recipe that the folder was begun with (NULL: none), the recipe that is asked for, and what
 * is set by itself. */
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

/* Refuses to go on with other settings than the run was begun with, by name. */
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
        if (before.failed || after.failed)
            status = HEED_MEMORY;
        else if (!is_free_to_change(row->name) && strcmp(then, now) != 0)
            status = hd_fail(run->context, HEED_ARGUMENT, "%s was begun with %s = %s and cannot go on with %s",
                             run->folder, row->name, then, now);
        hd_buffer_close(&before);
        hd_buffer_close(&after);
    }
    return status;
}

static heed_status write_own_recipe(hd_run *run) {
    hd_buffer text;
    hd_buffer_open(&text, run->context);
    hd_recipe_write(hd_train_table.rows, hd_train_table.count, &run->options, &text);
    char *path = hd_path_join(run->context, run->folder, "recipe.ini");
    heed_status status = !path || text.failed ? HEED_MEMORY : hd_file_write(run->context, path, text.data, text.size);
    hd_free(run->context, path);
    hd_buffer_close(&text);
    return status;
}

static heed_status settle_resumed(hd_run *run, const heed_options *options, const char *own) {
    hd_train_options begun;
    memset(&begun, 0, sizeof begun);
    hd_settings_free(run->context, hd_train_table.rows, hd_train_table.count, &run->options);
    heed_status status = read_layers(run->context, own, NULL, &begun);
    if (status == HEED_OK) status = read_layers(run->context, own, options, &run->options);
    if (status == HEED_OK) status = compare(run, &begun);
    hd_settings_free(run->context, hd_train_table.rows, hd_train_table.count, &begun);
    return status;
}

static heed_status settle(hd_run *run, const heed_options *options) {
    heed_context *context = run->context;
    HD_TRY(read_layers(context, NULL, options, &run->options));
    run->resume = run->options.resume;
    if (run->resume) {
        char *own = hd_path_join(context, run->folder, "recipe.ini");
        heed_status status = own ? settle_resumed(run, options, own) : HEED_MEMORY;
        hd_free(context, own);
        HD_TRY(status);
    }
    /* The folder's own recipe says what is done, not how it was asked for. */
    run->options.resume = false;
    hd_free(context, run->options.recipe);
    run->options.recipe = NULL;
    const hd_train_options *o = &run->options;
    if (!o->train_source || !o->train_target)
        return hd_fail(context, HEED_ARGUMENT, "a training needs train-source and train-target");
    if (!o->valid_source != !o->valid_target)
        return hd_fail(context, HEED_ARGUMENT, "valid-source and valid-target are given together or not at all");
    return HEED_OK;
}

/* ---- the run ---- */

static heed_status open_data(hd_run *run) {
    const hd_train_options *o = &run->options;
    const heed_tokenizer *tokenizer = run->model->tokenizer;
    int64_t max_positions = run->model->network->recipe.max_positions;
    hd_corpus_options train = {.source = o->train_source,
                               .target = o->train_target,
                               .folder = run->folder,
                               .name = "train",
                               .most = hd_min(o->max_tokens, max_positions),
                               .bpe_dropout = o->bpe_dropout,
                               .seed = (uint64_t)o->seed};
    hd_corpus_options valid = {.source = o->valid_source,
                               .target = o->valid_target,
                               .folder = run->folder,
                               .name = "valid",
                               .most = max_positions};
    HD_TRY(hd_corpus_open(run->context, tokenizer, &train, &run->train));
    if (o->valid_source) HD_TRY(hd_corpus_open(run->context, tokenizer, &valid, &run->valid));
    HD_TRY(hd_batches_open(run->context, &run->train, (uint64_t)o->seed, o->shuffle_window, o->batch_tokens,
                           &run->batches));
    return hd_batches_seek(&run->batches, run->state.epoch, run->state.batch);
}

static heed_status open_workers(hd_run *run) {
    run->threads = run->context->threads;
    run->workers = hd_alloc_zeroed(run->context, (size_t)run->threads, sizeof *run->workers);
    run->blocks = hd_alloc_zeroed(run->context, (size_t)run->threads + 1, sizeof *run->blocks);
    if (!run->workers || !run->blocks) return HEED_MEMORY;
    run->blocks[0] = run->optimizer.gradients;
    for (int i = 0; i < run->threads; i++) {
        run->workers[i].context = *run->context;
        hd_pass_open(&run->workers[i].pass, &run->workers[i].context, &run->model->network->arena);
    }
    return HEED_OK;
}

static heed_status open_run(hd_run *run, const heed_options *options) {
    HD_TRY(settle(run, options));
    HD_TRY(hd_folder_make(run->context, run->folder));
    if (!run->resume) {
        char *old = hd_path_join(run->context, run->folder, "checkpoint.safetensors");
        if (!old) return HEED_MEMORY;
        bool there = hd_file_exists(old);
        hd_free(run->context, old);
        if (there)
            return hd_fail(run->context, HEED_ARGUMENT,
                           "%s holds a training already: resume it, or choose another folder", run->folder);
    }
    HD_TRY(write_own_recipe(run));
    run->context->bf16 = run->options.compute == HD_COMPUTE_BF16;
    HD_TRY(open_model(run));
    HD_TRY(open_workers(run));
    if (run->resume) {
        bool found;
        HD_TRY(hd_checkpoint_load(run, &found));
        if (found)
            hd_note(run->context, "resuming after step %lld", (long long)run->state.step);
        else
            hd_note(run->context, "%s has no checkpoint yet: starting from the first step", run->folder);
    }
    HD_TRY(open_data(run));
    return hd_report_open(run);
}

static void close_run(hd_run *run) {
    hd_batches_close(&run->batches);
    hd_corpus_close(&run->train);
    hd_corpus_close(&run->valid);
    for (int i = 0; run->workers && i < run->threads; i++)
        if (run->workers[i].pass.context) hd_pass_close(&run->workers[i].pass);
    hd_free(run->context, run->workers);
    hd_free(run->context, run->blocks);
    hd_model_close(run->model);
    hd_settings_free(run->context, hd_train_table.rows, hd_train_table.count, &run->options);
}

/* A NaN does not heal: say what it was and what mostly causes it; the last checkpoint is still sound. */
static heed_status explain(hd_run *run, heed_status status) {
    if (status != HEED_OK && status != HEED_NUMERIC) return status;
    return hd_fail(run->context, HEED_NUMERIC,
                   "step %lld (epoch %llu, batch %llu): the loss is %f and the gradient's norm %f; a lower lr, a "
                   "longer warmup or clip may help",
                   (long long)run->state.step + 1, (unsigned long long)run->state.epoch,
                   (unsigned long long)run->state.batch, run->loss, run->optimizer.norm);
}

static heed_status take_step(hd_run *run) {
    double start = hd_clock();
    heed_status status = hd_run_batches(run);
    if (status == HEED_OK && isfinite(run->loss)) status = hd_optimizer_step(&run->optimizer, run->state.step + 1);
    if (status != HEED_OK || !isfinite(run->loss)) return explain(run, status);
    run->state.step++;
    run->state.tokens += (uint64_t)run->step_tokens;
    if (run->state.step > run->first_step + 1) { /* the first step also warms caches up */
        run->seconds += hd_clock() - start;
        run->timed_tokens += (uint64_t)run->step_tokens;
    }
    return HEED_OK;
}

static heed_status validate(hd_run *run) {
    double metric;
    HD_TRY(hd_validate(run, &metric));
    bool better = run->state.best_step == 0 || metric > run->state.best ||
                  (metric == run->state.best && run->valid_loss < run->state.best_loss);
    run->state.validations++;
    run->state.worse = better ? 0 : run->state.worse + 1;
    if (better) {
        run->state.best = metric;
        run->state.best_loss = run->valid_loss;
        run->state.best_step = run->state.step;
        HD_TRY(hd_run_export(run)); /* usable from here on */
    }
    HD_TRY(hd_checkpoint_keep(run));
    return hd_report_validation(run, better);
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

static heed_status run_to_the_end(hd_run *run) {
    run->started = hd_clock();
    run->first_step = run->state.step;
    while (!is_over(run)) {
        HD_TRY(take_step(run));
        if (run->options.valid_source && run->state.step % run->options.validate_every == 0) HD_TRY(validate(run));
        bool go_on;
        HD_TRY(hd_report_step(run, &go_on));
        if (!go_on || run->state.step % run->options.save_every == 0 || is_over(run)) HD_TRY(hd_checkpoint_save(run));
        if (!go_on) return hd_fail(run->context, HEED_STOPPED, "stopped after step %lld", (long long)run->state.step);
    }
    return finish(run);
}

heed_status heed_train(heed_context *context, const heed_options *options, const char *folder,
                       heed_progress_function *progress, void *user) {
    hd_run *run = hd_alloc_zeroed(context, 1, sizeof *run);
    if (!run) return HEED_MEMORY;
    hd_float_environment found = hd_float_enter();
    bool bf16 = context->bf16; /* the recipe's choice is the run's alone */
    run->context = context;
    run->folder = folder;
    run->progress = progress;
    run->user = user;
    run->valid_loss = run->bleu = NAN;
    run->state.best = -INFINITY;
    heed_status status = open_run(run, options);
    if (status == HEED_OK) status = run_to_the_end(run);
    close_run(run);
    hd_free(context, run);
    context->bf16 = bf16;
    hd_float_leave(found);
    return status;
}
