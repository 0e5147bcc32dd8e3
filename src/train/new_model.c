/* The model to train: a tokenizer and a network as the options describe. Read from hd_run_make_model at the end
 * upwards. */
#include "base/lines.h"
#include "text/train.h"
#include "data/readers/questions.h"
#include "train/run.h"

#include <string.h>

/* ---- the family ---- */

/* The family that the options name, or the objective's own. */
static const hd_family *family_of(const hd_train_options *o) {
    const hd_objective *objective = &hd_objectives[o->objective];
    if (o->family) return hd_families[o->family - 1];
    return o->pre_norm && objective->pre_norm_family ? objective->pre_norm_family : objective->family;
}

/* The families that learn the objective, separated by commas. */
static heed_status list_families(heed_context *context, const hd_objective *objective, hd_buffer *out) {
    for (size_t i = 0; hd_families[i]; i++) {
        bool has = true;
        HD_TRY(hd_family_has(context, hd_families[i], objective->head, objective->encodes, objective->decodes, &has));
        if (has) hd_buffer_format(out, "%s%s", out->size ? ", " : "", hd_families[i]->model_type);
    }
    return out->failed ? HEED_MEMORY : HEED_OK;
}

static heed_status refuse_family(heed_context *context, const hd_family *family, const hd_objective *objective) {
    hd_buffer others;
    hd_buffer_open(&others, context);
    heed_status status = list_families(context, objective, &others);
    if (status == HEED_OK)
        status = hd_fail(context, HEED_ARGUMENT, "the family %s does not learn the objective %s; families that do: %s",
                         family->model_type, objective->name, others.size ? others.data : "none");
    hd_buffer_close(&others);
    return status;
}

heed_status hd_run_check_family(heed_context *context, const hd_train_options *o) {
    const hd_objective *objective = &hd_objectives[o->objective];
    const hd_family *family = family_of(o);
    bool has = true;
    HD_TRY(hd_family_has(context, family, objective->head, objective->encodes, objective->decodes, &has));
    if (!has) return refuse_family(context, family, objective);
    bool other_kind = o->tokenizer_kind && family->tokenizer && o->tokenizer_kind - 1 != (int)*family->tokenizer;
    if (family->one_tokenizer && !o->tokenizer && (other_kind || o->lowercase || o->normal_form != HD_FORM_NONE))
        return hd_fail(context, HEED_ARGUMENT,
                       "transformers reads one kind of tokenizer for %s: leave out tokenizer-kind, lowercase and "
                       "normal-form",
                       family->model_type);
    if (o->self_attention && (family != &hd_heed_rnn || objective->encodes))
        return hd_fail(context, HEED_ARGUMENT, "self-attention is for language models of the family heed-rnn");
    if (o->crf && family != &hd_heed_rnn) return hd_fail(context, HEED_ARGUMENT, "crf is for the family heed-rnn");
    if (o->copy && family != &hd_heed_rnn) return hd_fail(context, HEED_ARGUMENT, "copy is for the family heed-rnn");
    return HEED_OK;
}

/* ---- the tokenizer ---- */

typedef struct reading {
    heed_context *context;
    const char *paths[2];
    bool keep_ends; /* lines come with their ends */
    bool words;     /* only the first word of each line, because a label follows it */
    int file;
    bool open;
    hd_lines lines;
    hd_questions questions; /* of the first file, for an objective that reads them */
    bool asked;             /* the question was returned, its context was not */
    hd_buffer context_text; /* the last one, which many questions share */
} reading;

static heed_status next_line(void *user, const char **text, size_t *size) {
    reading *r = user;
    *text = NULL;
    while (r->file < 2 && r->paths[r->file]) {
        if (!r->open) HD_TRY(hd_lines_open(r->context, r->paths[r->file], 0, &r->lines));
        r->open = true;
        r->lines.keep_ends = r->keep_ends;
        if (hd_lines_next(&r->lines)) {
            *text = r->lines.text;
            *size = r->words ? strcspn(r->lines.text, " \t\r") : r->lines.size;
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

/* The text of each question, and each context once. */
static heed_status next_question(void *user, const char **text, size_t *size) {
    reading *r = user;
    *text = NULL;
    if (!r->open) {
        HD_TRY(hd_lines_open(r->context, r->paths[0], 0, &r->lines));
        r->open = true;
        HD_TRY(hd_questions_open(r->context, &r->lines, &r->questions));
    }
    if (r->asked) {
        const char *context = r->questions.question.context;
        r->asked = false;
        if (!r->context_text.size || strcmp(r->context_text.data, context) != 0) {
            hd_buffer_clear(&r->context_text);
            hd_buffer_text(&r->context_text, context);
            *text = r->context_text.data;
            *size = r->context_text.size;
            return r->context_text.failed ? HEED_MEMORY : HEED_OK;
        }
    }
    HD_TRY(hd_questions_next(&r->questions, &r->asked));
    if (!r->asked) return HEED_OK;
    *text = r->questions.question.question;
    *size = strlen(*text);
    return HEED_OK;
}

static hd_tokenizer_kind kind_of(const hd_run *run, const hd_family *family) {
    int kind = run->options.tokenizer_kind;
    if (kind) return (hd_tokenizer_kind)(kind - 1);
    return family->tokenizer ? *family->tokenizer : hd_run_objective(run)->tokenizer;
}

static bool goes_on(void *user, size_t tokens, size_t vocabulary_size) {
    (void)tokens;
    (void)vocabulary_size;
    return !hd_is_stopped(user);
}

static heed_status train_tokenizer(hd_run *run, const hd_family *family, heed_tokenizer **tokenizer) {
    const hd_train_options *o = &run->options;
    hd_tokenizer_options options = hd_tokenizer_options_of(kind_of(run, family));
    options.vocabulary_size = (size_t)o->vocabulary_size;
    options.min_frequency = (uint64_t)o->min_frequency;
    options.form = (hd_normal_form)o->normal_form;
    options.lowercase = o->lowercase;
    options.progress = goes_on;
    options.user = run->context;
    const hd_objective *objective = hd_run_objective(run);
    reading r = {.context = run->context,
                 .paths = {o->train_source, objective->two_texts ? o->train_target : NULL},
                 .keep_ends = objective->cuts_texts && hd_tokenizer_learns_line_ends(options.kind),
                 .words = objective->labels == HD_LABELS_OF_WORDS};
    hd_buffer_open(&r.context_text, run->context);
    heed_status status =
        hd_tokenizer_train(run->context, &options, objective->questions ? next_question : next_line, &r, tokenizer);
    if (r.open) hd_lines_close(&r.lines);
    hd_questions_close(&r.questions);
    hd_buffer_close(&r.context_text);
    return status;
}

/* The tokens that the objective requires: all of them, or any one. */
static heed_status check_special(const hd_run *run, const heed_tokenizer *tokenizer) {
    const hd_objective *objective = hd_run_objective(run);
    const char *missing = NULL;
    for (const char *const *token = objective->special; token && *token; token++) {
        bool found = hd_tokenizer_id(tokenizer, *token) >= 0;
        if (found && objective->any_special) return HEED_OK;
        if (!found) missing = *token;
    }
    if (!missing) return HEED_OK;
    return hd_fail(run->context, HEED_FORMAT, "%s: there is no \"%s\" token, which this model needs",
                   run->options.tokenizer ? run->options.tokenizer : "the tokenizer", missing);
}

/* The first of these that exists, or −1. */
static int32_t id_of_either(const heed_tokenizer *tokenizer, const char *const *tokens) {
    for (; *tokens; tokens++) {
        int32_t id = hd_tokenizer_id(tokenizer, *tokens);
        if (id >= 0) return id;
    }
    return -1;
}

/* ---- the model ---- */

/* The folder's own tokenizer.json if the run is resumed; else that of the options; else a new one. */
static heed_status open_tokenizer(hd_run *run, const hd_family *family, heed_tokenizer **tokenizer) {
    char *path = hd_path_join(run->context, run->folder, "tokenizer.json");
    if (!path) return HEED_MEMORY;
    heed_status status;
    bool own = run->resume && hd_file_exists(path);
    if (own || run->options.tokenizer)
        status = hd_tokenizer_open(run->context, own ? path : run->options.tokenizer, tokenizer);
    else
        status = train_tokenizer(run, family, tokenizer);
    if (status == HEED_OK && !own) status = hd_tokenizer_save(*tokenizer, run->context, path);
    hd_run_own_files(run);
    hd_free(run->context, path);
    return status;
}

static void set_side(const hd_train_options *o, int64_t layers, hd_side_recipe *side) {
    side->layers = layers;
    side->heads = o->heads;
    side->key_heads = o->key_heads;
    side->ffn_width = o->ffn_width;
    side->max_positions = o->max_positions;
    if (o->activation) side->activation = o->activation - 1;
    if (o->pre_norm) side->norm_placement = HD_NORM_PRE, side->final_norm = true;
}

static hd_token_ids special_ids(const hd_run *run, const heed_tokenizer *tokenizer) {
    static const char *const pads[] = {"<pad>", "[PAD]", NULL};
    static const char *const ends[] = {"</s>", "<|endoftext|>", NULL};
    int32_t pad = id_of_either(tokenizer, pads), eos = id_of_either(tokenizer, ends);
    return (hd_token_ids){pad, eos, hd_run_objective(run)->starts_with_pad ? pad : eos};
}

/* The family's defaults, overridden by the options. Making the model checks whether the family supports the result. */
static heed_status make_recipe(const hd_run *run, const hd_family *family, const heed_tokenizer *tokenizer,
                               hd_recipe *recipe) {
    const hd_train_options *o = &run->options;
    const hd_objective *objective = &hd_objectives[run->objective];
    hd_token_ids ids = special_ids(run, tokenizer);
    HD_TRY(hd_family_default(run->context, family, objective->head, &ids, recipe));
    recipe->vocabulary = (int64_t)hd_tokenizer_size(tokenizer);
    recipe->width = o->width;
    recipe->labels = (int64_t)run->labels.count;
    recipe->dropout = o->dropout;
    recipe->attention_dropout = o->attention_dropout;
    recipe->activation_dropout = o->activation_dropout;
    recipe->cell = o->cell;
    recipe->memory = o->memory;
    recipe->self_attends = o->self_attention;
    recipe->bidirectional = !o->one_direction;
    recipe->copies = o->copy;
    recipe->crf = o->crf;
    set_side(o, objective->encodes ? o->encoder_layers : 0, &recipe->side[HD_ENCODER]);
    set_side(o, objective->decodes ? o->decoder_layers : 0, &recipe->side[HD_DECODER]);
    if (o->activation && recipe->head == HD_HEAD_MASKED) recipe->head_activation = o->activation - 1;
    return HEED_OK;
}

static heed_status make_model(hd_run *run) {
    heed_tokenizer *tokenizer = NULL;
    const hd_family *family = family_of(&run->options);
    hd_recipe recipe;
    heed_status status = open_tokenizer(run, family, &tokenizer);
    if (status == HEED_OK) status = check_special(run, tokenizer);
    if (status == HEED_OK) status = make_recipe(run, family, tokenizer, &recipe);
    if (status == HEED_OK)
        status = hd_model_make(run->context, family, &recipe, tokenizer, (uint64_t)run->options.seed, &run->model);
    if (status != HEED_OK) hd_tokenizer_close(tokenizer);
    if (status == HEED_OK && recipe.labels) status = hd_labels_set(run->model, (const char *const *)run->labels.names);
    return status;
}

/* Whether the model has the objective's head, for the labels of the training data. */
static bool has_head(const hd_run *run) {
    const hd_recipe *recipe = &run->model->network->recipe;
    if ((hd_head)recipe->head != hd_objectives[run->objective].head || recipe->labels != (int64_t)run->labels.count)
        return false;
    if (run->model->problem != HD_PROBLEM_ONE_LABEL) return false;
    for (int64_t i = 0; i < recipe->labels; i++)
        if (strcmp(run->model->labels[i], run->labels.names[i]) != 0) return false;
    return true;
}

/* Copies the parameters that both models have, by their slot or their name, as transformers does. */
static heed_status copy_shared(const hd_family *family, const hd_network *from, hd_network *to) {
    hd_stream *stream = &to->stream;
    for (int64_t i = 0; i < to->count; i++) {
        for (int64_t j = 0; j < from->count; j++) {
            const hd_slot *a = &to->slots[i], *b = &from->slots[j];
            const hd_parameter *p = to->parameters[i], *q = from->parameters[j];
            bool same = hd_slot_equal(a, b) || hd_family_names_alike(family, a, b);
            if (same && p->rows == q->rows && p->columns == q->columns)
                stream->device->move(stream, &(hd_move_call){hd_parameter_count(p), q->data, p->data});
        }
    }
    stream->device->wait(stream);
    return to->status;
}

/* The opened model, with a new head for the labels of the training data. */
static heed_status change_head(hd_run *run) {
    heed_model *body = run->model;
    hd_recipe recipe = body->network->recipe;
    HD_TRY(hd_family_change_head(run->context, body->family, hd_run_objective(run)->head, (int64_t)run->labels.count,
                                 &recipe));
    recipe.crf = hd_run_objective(run)->crf && (recipe.crf || run->options.crf);
    run->model = NULL;
    heed_status status =
        hd_model_make(run->context, body->family, &recipe, body->tokenizer, (uint64_t)run->options.seed, &run->model);
    if (status == HEED_OK) {
        body->tokenizer = NULL; /* the new model owns it now */
        status = copy_shared(body->family, body->network, run->model->network);
        if (status == HEED_OK && recipe.labels)
            status = hd_labels_set(run->model, (const char *const *)run->labels.names);
    }
    hd_model_close(body);
    return status;
}

/* Notes the options that describe a new model: they have no effect on an existing one. */
static heed_status note_unused(const hd_run *run) {
    hd_buffer value, unused;
    hd_buffer_open(&value, run->context);
    hd_buffer_open(&unused, run->context);
    for (size_t i = 0; i < hd_train_table.count; i++) {
        const hd_setting *row = &hd_train_table.rows[i];
        if (!(row->flags & HD_TRAIN_NEW_MODEL)) continue;
        hd_buffer_clear(&value);
        hd_setting_value(row, &run->options, &value);
        const char *initial = row->initial ? row->initial : row->kind == HD_SETTING_BOOL ? "false" : "";
        if (value.size && strcmp(value.data, initial) != 0)
            hd_buffer_format(&unused, "%s%s", unused.size ? ", " : "", row->name);
    }
    heed_status status = value.failed || unused.failed ? HEED_MEMORY : HEED_OK;
    if (unused.size && status == HEED_OK)
        hd_note(run->context, "%s keeps its own structure: no effect of %s", run->options.model, unused.data);
    hd_buffer_close(&value);
    hd_buffer_close(&unused);
    return status;
}

/* A tokenizer that cannot be saved is reported now, not at the end of the run. */
static heed_status check_tokenizer(const hd_run *run) {
    if (!run->model->tokenizer) return HEED_OK;
    heed_status status = hd_tokenizer_check_writable(run->model->tokenizer, run->context);
    if (status != HEED_OK) hd_fail_in(run->context, run->options.model);
    return status;
}

static heed_status open_model(hd_run *run) {
    const hd_train_options *o = &run->options;
    const hd_objective *objective = &hd_objectives[run->objective];
    HD_TRY(hd_model_open(run->context, o->model, HD_OPEN_TO_TRAIN, &run->model));
    HD_TRY(check_tokenizer(run));
    if (!run->resume) HD_TRY(note_unused(run));
    hd_recipe *recipe = &run->model->network->recipe;
    recipe->dropout = o->dropout;
    recipe->attention_dropout = o->attention_dropout;
    recipe->activation_dropout = o->activation_dropout;
    if (has_head(run)) return HEED_OK;
    bool predicts = hd_model_predicts(run->model, objective->head, objective->encodes, objective->decodes);
    if (predicts && !run->labels.count) return change_head(run); /* a language model without a head */
    if (hd_head_predicts_tokens(objective->head) || !run->model->family->architectures[objective->head])
        return hd_fail(run->context, HEED_UNSUPPORTED, "%s: a %s does not learn the objective %s", o->model,
                       hd_family_architecture(run->model->family, recipe->head), objective->name);
    if (!run->resume && run->labels.count)
        hd_note(run->context, "%s has no head for these %zu labels: a new one is put on it", o->model,
                run->labels.count);
    else if (!run->resume)
        hd_note(run->context, "%s has no head for answers: a new one is put on it", o->model);
    return change_head(run);
}

static heed_status collect_labels(hd_run *run) {
    const hd_train_options *o = &run->options;
    switch (hd_run_objective(run)->labels) {
        case HD_LABELS_OF_LINES:
            return hd_labels_collect(run->context, o->train_target, false, &run->labels);
        case HD_LABELS_OF_WORDS:
            return hd_labels_collect(run->context, o->train_source, true, &run->labels);
        default:
            return HEED_OK;
    }
}

heed_status hd_run_make_model(hd_run *run) {
    const hd_train_options *o = &run->options;
    HD_TRY(collect_labels(run));
    HD_TRY(o->model ? open_model(run) : make_model(run));
    hd_generation *generation = &run->model->generation;
    generation->beams = hd_run_objective(run)->beams ? o->beams : 1;
    generation->best = 1;
    generation->length_penalty = o->length_penalty;
    generation->max_length = hd_recipe_max_positions(&run->model->network->recipe);
    generation->sample = false;
    hd_network_prepare_training(run->model->network);
    return HEED_OK;
}
