/* The model to train: a tokenizer and a network as the options say. Read from hd_run_make_model at the end upwards. */
#include "base/lines.h"
#include "text/train.h"
#include "train/run.h"

#include <string.h>

/* Which kind of model is made. */
static hd_train_family family_of(const hd_run *run) {
    const hd_train_options *o = &run->options;
    if (o->family != HD_FAMILY_NATURAL) return (hd_train_family)o->family;
    if (run->objective == HD_OBJECTIVE_TRANSLATE) return HD_FAMILY_MARIAN; /* with pre-norm, pegasus carries it */
    return run->objective == HD_OBJECTIVE_LANGUAGE ? HD_FAMILY_GPT2 : HD_FAMILY_BERT;
}

/* ---- the tokenizer ---- */

typedef struct reading {
    heed_context *context;
    const char *paths[2];
    bool keep_ends; /* lines come with their ends */
    bool words;     /* of each line only the first word, as a label follows it */
    int file;
    bool open;
    hd_lines lines;
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

static hd_tokenizer_kind kind_of(const hd_run *run) {
    int kind = run->options.tokenizer_kind;
    if (kind) return (hd_tokenizer_kind)(kind - 1);
    return family_of(run) == HD_FAMILY_BERT ? HD_KIND_WORDPIECE : hd_run_objective(run)->tokenizer;
}

static heed_status train_tokenizer(hd_run *run, heed_tokenizer **tokenizer) {
    const hd_train_options *o = &run->options;
    hd_tokenizer_options options = hd_tokenizer_options_of(kind_of(run));
    options.vocabulary_size = (size_t)o->vocabulary_size;
    options.min_frequency = (uint64_t)o->min_frequency;
    options.form = (hd_normal_form)o->normal_form;
    options.lowercase = o->lowercase;
    const hd_objective *objective = hd_run_objective(run);
    reading r = {.context = run->context,
                 .paths = {o->train_source, objective->two_texts ? o->train_target : NULL},
                 .keep_ends = objective->cuts_texts && hd_tokenizer_learns_line_ends(options.kind),
                 .words = objective->labels == HD_LABELS_OF_WORDS};
    heed_status status = hd_tokenizer_train(run->context, &options, next_line, &r, tokenizer);
    if (r.open) hd_lines_close(&r.lines);
    return status;
}

/* The tokens that the objective cannot do without: all of them, or any one. */
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

/* The first of these that there is, or −1. */
static int32_t id_of_either(const heed_tokenizer *tokenizer, const char *const *tokens) {
    for (; *tokens; tokens++) {
        int32_t id = hd_tokenizer_id(tokenizer, *tokens);
        if (id >= 0) return id;
    }
    return -1;
}

/* ---- the model ---- */

/* The folder's own tokenizer.json if the run is resumed; else that of the options; else a new one. */
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

/* What the options say of any model. */
static hd_recipe common_recipe(const hd_run *run) {
    const hd_train_options *o = &run->options;
    const hd_objective *objective = &hd_objectives[run->objective];
    hd_recipe recipe = {.width = o->width,
                        .max_positions = o->max_positions,
                        .pre_norm = o->pre_norm,
                        .norm_epsilon = 1e-5f,
                        .dropout = o->dropout,
                        .attention_dropout = o->attention_dropout,
                        .activation_dropout = o->activation_dropout,
                        .initial_spread = 0.02f,
                        .head = (int)objective->head,
                        .labels = (int64_t)run->labels.count};
    if (objective->encodes) {
        recipe.encoder_layers = o->encoder_layers;
        recipe.encoder_heads = o->heads;
        recipe.encoder_ffn_width = o->ffn_width;
    }
    if (objective->decodes) {
        recipe.decoder_layers = o->decoder_layers;
        recipe.decoder_heads = o->heads;
        recipe.decoder_ffn_width = o->ffn_width;
    }
    return recipe;
}

/* What a family is besides. */
static void add_family(const hd_train_options *o, hd_train_family family, hd_recipe *recipe) {
    static const hd_activation natural[] = {HD_RELU,      HD_RELU, HD_RELU, HD_GELU,
                                            HD_GELU_TANH, HD_SILU, HD_TANH}; /* by family */
    recipe->activation = o->activation ? o->activation - 1 : (int)natural[family];
    switch (family) {
        case HD_FAMILY_NATURAL:
        case HD_FAMILY_MARIAN:
        case HD_FAMILY_PEGASUS:
            recipe->positions = HD_POSITIONS_SINUSOIDAL;
            recipe->scale_embedding = recipe->output_bias = true;
            if (family == HD_FAMILY_PEGASUS) recipe->pre_norm = true;
            return;
        case HD_FAMILY_BERT:
            recipe->positions = HD_POSITIONS_LEARNED;
            recipe->embedding_norm = true;
            recipe->token_types = 2;
            recipe->norm_epsilon = 1e-12f;
            recipe->pooling = HD_POOL_FIRST;
            return;
        case HD_FAMILY_GPT2:
            recipe->positions = HD_POSITIONS_LEARNED;
            recipe->pre_norm = true;
            return;
        case HD_FAMILY_LLAMA:
            recipe->positions = HD_POSITIONS_ROTARY;
            recipe->rotary_base = 10000;
            recipe->key_heads = o->key_heads ? o->key_heads : o->heads;
            recipe->pre_norm = recipe->rms_norm = recipe->gated = recipe->without_biases = true;
            return;
        case HD_FAMILY_HEED_RNN:
            recipe->architecture = HD_RECURRENT;
            recipe->output_bias = recipe->head == HD_HEAD_LANGUAGE;
            recipe->cell = o->cell;
            recipe->memory = o->memory;
            recipe->bidirectional = !o->one_direction;
            recipe->pooling = HD_POOL_MEAN;
            recipe->crf = o->crf;
            return;
    }
}

static heed_status add_special_ids(const hd_run *run, const heed_tokenizer *tokenizer, hd_recipe *recipe) {
    static const char *const pads[] = {"<pad>", "[PAD]", NULL};
    static const char *const ends[] = {"</s>", "<|endoftext|>", NULL};
    recipe->vocabulary = (int64_t)hd_tokenizer_size(tokenizer);
    recipe->pad = id_of_either(tokenizer, pads);
    recipe->eos = id_of_either(tokenizer, ends);
    recipe->decoder_start = hd_run_objective(run)->starts_with_pad ? recipe->pad : recipe->eos;
    return check_special(run, tokenizer);
}

static heed_status make_model(hd_run *run) {
    heed_tokenizer *tokenizer = NULL;
    hd_recipe recipe = common_recipe(run);
    add_family(&run->options, family_of(run), &recipe);
    heed_status status = open_tokenizer(run, &tokenizer);
    if (status == HEED_OK) status = add_special_ids(run, tokenizer, &recipe);
    if (status == HEED_OK)
        status = hd_model_make(run->context, &recipe, tokenizer, (uint64_t)run->options.seed, &run->model);
    if (status != HEED_OK) hd_tokenizer_close(tokenizer);
    if (status == HEED_OK && recipe.labels) status = hd_labels_set(run->model, (const char *const *)run->labels.names);
    return status;
}

/* Does the model have the objective's head, for the labels of the training data? */
static bool has_head(const hd_run *run) {
    const hd_recipe *recipe = &run->model->network->recipe;
    if ((hd_head)recipe->head != hd_objectives[run->objective].head || recipe->labels != (int64_t)run->labels.count)
        return false;
    for (int64_t i = 0; i < recipe->labels; i++)
        if (strcmp(run->model->labels[i], run->labels.names[i]) != 0) return false;
    return true;
}

/* The parameters that both have, by role and layer. */
static void copy_shared(const hd_network *from, hd_network *to) {
    for (int64_t i = 0; i < to->count; i++) {
        for (int64_t j = 0; j < from->count; j++) {
            const hd_slot *a = &to->slots[i], *b = &from->slots[j];
            const hd_parameter *p = &to->parameters[i], *q = &from->parameters[j];
            bool same = a->role == b->role && a->part == b->part && a->layer == b->layer;
            if (same && p->rows == q->rows && p->columns == q->columns)
                memcpy(p->data, q->data, (size_t)hd_parameter_count(p) * sizeof *p->data);
        }
    }
}

/* The encoder that was opened, under a new head for the labels of the training data. */
static heed_status change_head(hd_run *run) {
    heed_model *body = run->model;
    hd_recipe recipe = body->network->recipe;
    recipe.head = (int)hd_objectives[run->objective].head;
    recipe.labels = (int64_t)run->labels.count;
    recipe.crf = hd_run_objective(run)->crf && (recipe.crf || run->options.crf);
    run->model = NULL;
    heed_status status =
        hd_model_make(run->context, &recipe, body->tokenizer, (uint64_t)run->options.seed, &run->model);
    if (status == HEED_OK) {
        body->tokenizer = NULL; /* it went along */
        copy_shared(body->network, run->model->network);
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

static heed_status open_model(hd_run *run) {
    const hd_train_options *o = &run->options;
    const hd_objective *objective = &hd_objectives[run->objective];
    HD_TRY(hd_model_open(run->context, o->model, HD_OPEN_TO_TRAIN, &run->model));
    if (!run->resume) HD_TRY(note_unused(run));
    hd_recipe *recipe = &run->model->network->recipe;
    recipe->dropout = o->dropout;
    recipe->attention_dropout = o->attention_dropout;
    recipe->activation_dropout = o->activation_dropout;
    if (has_head(run)) return HEED_OK;
    if (!run->labels.count || !recipe->encoder_layers || recipe->decoder_layers)
        return hd_fail(run->context, HEED_UNSUPPORTED, "%s: a %s does not learn the objective %s", o->model,
                       hd_family_architecture(run->model->family, recipe->head), objective->name);
    if (!run->resume)
        hd_note(run->context, "%s has no head for these %zu labels: a new one is put on it", o->model,
                run->labels.count);
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
    run->model->generation = (hd_generation){.beams = hd_run_objective(run)->beams ? o->beams : 1,
                                             .best = 1,
                                             .length_penalty = o->length_penalty,
                                             .repetition_penalty = 1.0f,
                                             .forced_eos = -1,
                                             .max_length = run->model->network->recipe.max_positions,
                                             .temperature = 1.0f,
                                             .top_p = 1.0f};
    hd_network_train(run->model->network);
    return HEED_OK;
}
