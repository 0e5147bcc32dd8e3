/* Reports of a run: the progress callback, log.jsonl, and the finished folder with its model card. */
#include "base/clock.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/number.h"
#include "base/version.h"
#include "formats/json.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct heed_progress {
    const hd_run *run;
    char line[256];
};

int64_t heed_progress_step(const heed_progress *progress) { return progress->run->state.step; }
int64_t heed_progress_steps(const heed_progress *progress) { return progress->run->options.steps; }
const char *heed_progress_line(const heed_progress *progress) { return progress->line; }

static double tokens_per_second(const hd_run *run) {
    return run->seconds > 0 ? (double)run->timed_tokens / run->seconds : NAN;
}

/* At the average speed so far, validations included. */
static double seconds_left(const hd_run *run) {
    int64_t done = run->state.step - run->first_step;
    return done ? (hd_clock() - run->started) / (double)done * (double)(run->options.steps - run->state.step) : NAN;
}

double heed_progress_value(const heed_progress *progress, const char *name) {
    const hd_run *run = progress->run;
    if (strcmp(name, "loss") == 0) return run->loss;
    if (strcmp(name, "lr") == 0) return hd_learning_rate(&run->options, run->state.step);
    if (strcmp(name, "tokens_per_second") == 0) return tokens_per_second(run);
    if (strcmp(name, "seconds_left") == 0) return seconds_left(run);
    if (strcmp(name, "validation_loss") == 0) return run->valid_loss;
    if (strcmp(name, "score") == 0 || strcmp(name, hd_metrics[run->metric].key) == 0) return run->score;
    return NAN;
}

static void duration(double seconds, char *out, size_t size) {
    if (!(seconds >= 0 && seconds < 1e7))
        snprintf(out, size, "?");
    else if (seconds < 60)
        snprintf(out, size, "%.0fs", seconds);
    else if (seconds < 3600)
        snprintf(out, size, "%dm%02ds", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(out, size, "%dh%02dm", (int)seconds / 3600, (int)seconds / 60 % 60);
}

static void write_line(const hd_run *run, char *line, size_t size) {
    char left[32], measured[64] = "", speed[48] = "";
    duration(seconds_left(run), left, sizeof left);
    if (!isnan(run->score))
        snprintf(measured, sizeof measured, "  valid %.3f  %s %.2f", run->valid_loss, hd_metrics[run->metric].name,
                 run->score);
    else if (!isnan(run->valid_loss))
        snprintf(measured, sizeof measured, "  valid %.3f", run->valid_loss);
    if (!isnan(tokens_per_second(run))) snprintf(speed, sizeof speed, "  %.0f tokens/s", tokens_per_second(run));
    snprintf(line, size, "step %lld/%lld  loss %.3f%s%s  %s left", (long long)run->state.step,
             (long long)run->options.steps, run->loss, measured, speed, left);
}

/* ---- log.jsonl ---- */

static heed_status append_line(hd_run *run, json_t *object) {
    if (!object) return hd_json_no_memory(run->context, "log.jsonl");
    hd_buffer line;
    hd_buffer_open(&line, run->context);
    heed_status status = hd_json_append(run->context, object, &line);
    hd_buffer_byte(&line, '\n');
    json_decref(object);
    char *path = hd_path_join(run->context, run->folder, "log.jsonl");
    if (status == HEED_OK && (!path || line.failed)) status = HEED_MEMORY;
    if (status == HEED_OK) status = hd_file_append(run->context, path, line.data, line.size);
    hd_free(run->context, path);
    hd_buffer_close(&line);
    return status;
}

/* JSON has no NaN: a value that is not known yet, such as the speed of the first step, is null. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

/* Whether a line of the log belongs to the steps up to the checkpoint. A validation after the last step, which comes after
 * the last checkpoint, is repeated by a run that is resumed. */
static bool is_of_checkpoint(const hd_run *run, const hd_lines *lines) {
    char start[80];
    size_t size = lines->size < sizeof start - 1 ? lines->size : sizeof start - 1;
    long long step;
    if (!lines->size || lines->text[lines->size - 1] != '\n') return false; /* an incomplete line */
    memcpy(start, lines->text, size);
    start[size] = 0;
    if (sscanf(start, "{\"step\": %lld", &step) != 1 && sscanf(start, "{\"step\":%lld", &step) != 1) return false;
    bool last = step == run->state.step && step % run->options.validate_every && strstr(start, "\"validation_loss\"");
    return step <= run->state.step && !last;
}

static heed_status copy_lines(hd_run *run, hd_lines *lines, hd_writer *writer) {
    lines->keep_ends = true;
    while (hd_lines_next(lines))
        if (is_of_checkpoint(run, lines)) HD_TRY(hd_writer_write(writer, lines->text, lines->size));
    return lines->status;
}

/* Keeps the lines up to the checkpoint; a new run begins an empty log. */
static heed_status rewrite_log(hd_run *run, const char *path) {
    hd_writer writer;
    HD_TRY(hd_writer_open(run->context, path, &writer));
    heed_status status = HEED_OK;
    if (run->state.step && hd_file_exists(path)) {
        hd_lines lines;
        status = hd_lines_open(run->context, path, 0, &lines);
        if (status == HEED_OK) status = copy_lines(run, &lines, &writer);
        hd_lines_close(&lines);
    }
    if (status == HEED_OK) return hd_writer_commit(&writer);
    hd_writer_abandon(&writer);
    return status;
}

heed_status hd_report_open(hd_run *run) {
    char *path = hd_path_join(run->context, run->folder, "log.jsonl");
    heed_status status = path ? rewrite_log(run, path) : HEED_MEMORY;
    hd_free(run->context, path);
    return status;
}

heed_status hd_report_step(hd_run *run) {
    hd_run_state *s = &run->state;
    s->logged_loss += run->loss * (double)run->step_tokens;
    s->logged_tokens += run->step_tokens;
    if (s->step % run->options.log_every != 0 && s->step != run->options.steps) return HEED_OK;
    HD_TRY(append_line(
        run, json_pack("{s:I, s:I, s:f, s:f, s:f, s:o, s:I}", "step", (json_int_t)s->step, "epoch",
                       (json_int_t)s->epoch, "loss", s->logged_loss / (double)hd_max(s->logged_tokens, 1), "lr",
                       hd_learning_rate(&run->options, s->step), "gradient_norm", run->optimizer.norm,
                       "tokens_per_second", number(tokens_per_second(run)), "tokens", (json_int_t)s->tokens)));
    s->logged_loss = 0;
    s->logged_tokens = 0;
    return HEED_OK;
}

heed_status hd_report_progress(hd_run *run, bool *continues) {
    *continues = true;
    if (!run->progress) return HEED_OK;
    heed_progress progress = {.run = run};
    write_line(run, progress.line, sizeof progress.line);
    *continues = run->progress(run->user, &progress);
    return HEED_OK;
}

heed_status hd_report_validation(hd_run *run, bool better) {
    json_t *line = json_pack("{s:I, s:f, s:b}", "step", (json_int_t)run->state.step, "validation_loss", run->valid_loss,
                             "better", better);
    if (line && !isnan(run->score) &&
        json_object_set_new(line, hd_metrics[run->metric].key, json_real(run->score)) != 0) {
        json_decref(line);
        line = NULL;
    }
    return append_line(run, line);
}

/* ---- the finished folder ---- */

static void write_layers(const hd_recipe *r, hd_buffer *card) {
    if (hd_recipe_translates(r))
        hd_buffer_format(card, "- layers %lld + %lld", (long long)r->side[HD_ENCODER].layers,
                         (long long)r->side[HD_DECODER].layers);
    else
        hd_buffer_format(card, "- layers %lld", (long long)(r->side[HD_ENCODER].layers + r->side[HD_DECODER].layers));
    hd_buffer_format(card, ", width %lld", (long long)r->width);
    if (r->architecture == HD_TRANSFORMER)
        hd_buffer_format(card, ", feed-forward %lld, heads %lld", (long long)hd_recipe_top(r)->ffn_width,
                         (long long)hd_recipe_top(r)->heads);
    hd_buffer_format(card, ", vocabulary %lld\n", (long long)r->vocabulary);
}

static void write_card(const hd_run *run, hd_buffer *card) {
    const hd_objective *objective = hd_run_objective(run);
    const hd_recipe *r = &run->model->network->recipe;
    const hd_train_options *o = &run->options;
    const char *shape = hd_recipe_translates(r)      ? "encoder–decoder"
                        : r->side[HD_ENCODER].layers ? "encoder"
                                                     : "decoder";
    hd_buffer_format(card, "---\nlibrary_name: %s\npipeline_tag: %s\n---\n\n# %s\n\n",
                     r->architecture == HD_TRANSFORMER ? "transformers" : "heed", objective->pipeline,
                     hd_path_name(run->folder));
    hd_buffer_format(card, "%s %s %s (`%s`) of %.2f million parameters, trained by heed from ",
                     shape[0] == 'e' ? "An" : "A", shape,
                     r->architecture == HD_TRANSFORMER ? "Transformer" : "recurrent network",
                     run->model->family->model_type, (double)hd_model_parameters(run->model) * 1e-6);
    hd_buffer_format(card, o->model ? "`%s`.\n\n" : "scratch.\n\n", hd_path_name(o->model));
    hd_buffer_format(card, "- data: `%s`", hd_path_name(o->train_source));
    if (o->train_target) hd_buffer_format(card, " → `%s`", hd_path_name(o->train_target));
    hd_buffer_format(card, ", %llu %s\n", (unsigned long long)run->train.count, objective->examples);
    write_layers(r, card);
    hd_buffer_format(card, "- trained with heed " HEED_VERSION ", bit epoch %d\n", HD_BIT_EPOCH);
    hd_buffer_format(card, "- updates %lld, %s seen %llu\n", (long long)run->state.step, objective->targets,
                     (unsigned long long)run->state.tokens);
    if (!isnan(run->valid_loss))
        hd_buffer_format(card, "- validation loss %.4f per %s\n", run->valid_loss, objective->target);
    if (!isnan(run->score)) hd_buffer_format(card, "- validation %s %.2f", hd_metrics[run->metric].name, run->score);
    if (!isnan(run->score) && run->metric == HD_METRIC_BLEU)
        hd_buffer_format(card, " (%s, %lld beams)", hd_bleu_tokenizer_name((hd_bleu_tokenizer)o->bleu_tokenize),
                         (long long)o->valid_beams);
    if (!isnan(run->score)) hd_buffer_byte(card, '\n');
    hd_buffer_text(card,
                   "\nThe licence of the data and what the model may be used for are for its maker to say here.\n");
}

/* The text of README.md: the options' file, the user's own changes, or the model card. */
static heed_status make_card(hd_run *run, hd_buffer *card) {
    if (run->options.card && !run->files.card_changed) return hd_file_read(run->context, run->options.card, card);
    if (run->files.card_changed) {
        char *path = hd_path_join(run->context, run->folder, "README.md");
        heed_status status = path ? hd_file_read(run->context, path, card) : HEED_MEMORY;
        hd_free(run->context, path);
        return status;
    }
    write_card(run, card);
    return card->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_run_export(hd_run *run) {
    hd_buffer card;
    hd_buffer_open(&card, run->context);
    heed_status status = hd_run_check_export(run);
    if (status == HEED_OK) status = make_card(run, &card);
    if (status == HEED_OK) status = hd_run_record(run, true);
    if (status == HEED_OK) {
        status = hd_model_save(run->model, run->folder, (hd_dtype)run->options.dtype, card.data ? card.data : "");
        hd_run_own_files(run); /* if that failed, some of its files are there */
    }
    if (status == HEED_OK) status = hd_run_record(run, false);
    run->files.exported = run->files.exported || status == HEED_OK;
    hd_buffer_close(&card);
    return status;
}
