/* Describes a model for `heed info`, as lines of text or as a JSON object. */
#include "base/number.h"
#include "formats/json.h"
#include "layers/recurrent.h"
#include "models/model.h"
#include "text/json_text.h"
#include "text/languages.h"

#include <string.h>

/* Parameters by the part of the model that they belong to. */
typedef struct part_sizes {
    int64_t embedding, encoder, decoder, output;
} part_sizes;

static int64_t *part_of(part_sizes *sizes, const hd_slot *slot) {
    switch (slot->module) {
        case HD_MODULE_EMBEDDING:
        case HD_MODULE_POSITIONS:
        case HD_MODULE_TOKEN_TYPES:
        case HD_MODULE_EMBEDDING_NORM:
        case HD_MODULE_EMBEDDING_PROJECTION:
            return &sizes->embedding;
        default:
            return slot->side == HD_ENCODER   ? &sizes->encoder
                   : slot->side == HD_DECODER ? &sizes->decoder
                                              : &sizes->output;
    }
}

static part_sizes measure_parts(const hd_network *network) {
    part_sizes sizes = {0};
    for (int64_t i = 0; i < network->count; i++)
        *part_of(&sizes, &network->slots[i]) += hd_parameter_count(network->parameters[i]);
    return sizes;
}

static const char *positions_name(const hd_recipe *recipe) {
    return hd_choice_name(hd_position_kinds, hd_recipe_top(recipe)->positions);
}

/* By hd_norm_kind and by hd_norm_placement. */
static const char *const norm_names[] = {"", "without shift, ", "root mean square, ", "root mean square plus one, "};
static const char *const norm_places[] = {"after", "before", "before and after", "after"};

static const char *stopping_name(int stopping) {
    static const char *const names[] = {"unlikely", "full", "never"};
    return names[stopping];
}

/* ---- for people ------------------------------------------------------------------------------------------------- */

static void begin_line(hd_buffer *out, const char *name) { hd_buffer_format(out, "%-14s", name); }

void hd_append_count(hd_buffer *out, int64_t count) {
    char label[32];
    hd_print_count(label, count);
    hd_buffer_text(out, label);
}

static void append_count_line(hd_buffer *out, const char *name, int64_t count) {
    begin_line(out, name);
    hd_append_count(out, count);
    hd_buffer_byte(out, '\n');
}

static void append_two(hd_buffer *out, const char *name, int64_t encoder, int64_t decoder) {
    begin_line(out, name);
    if (encoder && decoder)
        hd_buffer_format(out, "%lld + %lld\n", (long long)encoder, (long long)decoder);
    else
        hd_buffer_format(out, "%lld\n", (long long)(encoder + decoder));
}

static void append_parameters(const heed_model *model, hd_buffer *out) {
    part_sizes sizes = measure_parts(model->network);
    append_count_line(out, "parameters", hd_model_parameters(model));
    append_count_line(out, "  embedding", sizes.embedding);
    append_count_line(out, "  encoder", sizes.encoder);
    append_count_line(out, "  decoder", sizes.decoder);
    append_count_line(out, "  output", sizes.output);
    const size_t *bytes = model->stored;
    begin_line(out, "weights");
    const char *between = "";
    for (int dtype = 0; dtype < HD_DTYPES; dtype++) {
        if (!bytes[dtype]) continue;
        hd_buffer_format(out, "%s", between);
        hd_append_count(out, (int64_t)bytes[dtype]);
        hd_buffer_format(out, " bytes %s", hd_dtype_name((hd_dtype)dtype));
        between = ", ";
    }
    hd_buffer_byte(out, '\n');
}

static void append_transformer(const hd_recipe *recipe, hd_buffer *out) {
    const hd_side_recipe *encoder = &recipe->side[HD_ENCODER], *decoder = &recipe->side[HD_DECODER];
    const hd_side_recipe *top = hd_recipe_top(recipe);
    append_two(out, "heads", encoder->heads, decoder->heads);
    if (top->key_heads) append_count_line(out, "key heads", top->key_heads);
    if (top->head_width) append_count_line(out, "head width", top->head_width);
    append_two(out, "feed-forward", encoder->ffn_width, decoder->ffn_width);
    begin_line(out, "activation");
    hd_buffer_format(out, "%s%s\n", hd_activation_name((hd_activation)top->activation), top->gated ? ", gated" : "");
    begin_line(out, "norm");
    hd_buffer_format(out, "%s%s each sublayer\n", norm_names[top->norm], norm_places[top->norm_placement]);
    begin_line(out, "positions");
    hd_buffer_format(out, "%lld, %s\n", (long long)hd_recipe_max_positions(recipe), positions_name(recipe));
}

static void append_recurrent(const hd_recipe *recipe, hd_buffer *out) {
    begin_line(out, "cell");
    hd_buffer_format(out, "%s\n", hd_choice_title(hd_cells, recipe->cell));
    if (recipe->side[HD_ENCODER].layers) {
        begin_line(out, "directions");
        hd_buffer_format(out, "%d\n", recipe->bidirectional ? 2 : 1);
    }
    if (recipe->self_attends) {
        begin_line(out, "attention");
        hd_buffer_text(out, "to its own states\n");
    }
    if (!hd_recipe_translates(recipe)) return;
    begin_line(out, "memory");
    hd_buffer_format(out, "%s\n", hd_choice_title(hd_memories, recipe->memory));
    if (!hd_recipe_copies(recipe)) return;
    begin_line(out, "copying");
    hd_buffer_format(out, "tokens of the source\n");
}

static void append_recipe(const hd_recipe *recipe, hd_buffer *out) {
    append_two(out, "layers", recipe->side[HD_ENCODER].layers, recipe->side[HD_DECODER].layers);
    append_count_line(out, "width", recipe->width);
    if (recipe->architecture == HD_RECURRENT)
        append_recurrent(recipe, out);
    else
        append_transformer(recipe, out);
    begin_line(out, "vocabulary");
    hd_append_count(out, recipe->vocabulary);
    if (recipe->target_vocabulary) {
        hd_buffer_text(out, " + ");
        hd_append_count(out, recipe->target_vocabulary);
    }
    hd_buffer_byte(out, '\n');
}

static void append_labels(const heed_model *model, hd_buffer *out) {
    if (!model->labels) return;
    begin_line(out, "labels");
    for (int64_t i = 0; i < model->network->recipe.labels; i++) {
        hd_buffer_text(out, i ? ", " : "");
        hd_buffer_visible(out, model->labels[i]);
    }
    hd_buffer_byte(out, '\n');
}

static void append_tokenizer(const char *name, const heed_tokenizer *tokenizer, hd_buffer *out) {
    if (!tokenizer) return;
    int32_t size = (int32_t)hd_tokenizer_size(tokenizer);
    begin_line(out, name);
    hd_append_count(out, size);
    hd_buffer_text(out, " tokens");
    const char *between = "; special ";
    for (int32_t id = 0; id < size; id++) {
        if (!hd_tokenizer_is_special(tokenizer, id)) continue;
        hd_buffer_text(out, between);
        hd_buffer_visible(out, hd_tokenizer_token(tokenizer, id));
        hd_buffer_format(out, " %d", id);
        between = ", ";
    }
    hd_buffer_byte(out, '\n');
}

/* The names of the languages that a multilingual translator translates into. */
static void append_languages(const heed_tokenizer *tokenizer, hd_buffer *out) {
    const hd_languages *languages = tokenizer ? hd_tokenizer_languages(tokenizer) : NULL;
    if (!languages) return;
    begin_line(out, "languages");
    for (size_t i = 0; i < languages->count; i++) {
        if (i) hd_buffer_text(out, ", ");
        hd_language_name(tokenizer, languages->ids[i], out);
    }
    hd_buffer_byte(out, '\n');
}

static void append_generation(const hd_generation *generation, hd_buffer *out) {
    begin_line(out, "generation");
    hd_buffer_format(out, "beams %lld", (long long)generation->beams);
    if (generation->max_new_tokens)
        hd_buffer_format(out, ", max-new-tokens %lld", (long long)generation->max_new_tokens);
    else if (generation->max_length)
        hd_buffer_format(out, ", max-length %lld", (long long)generation->max_length);
    if (generation->beams > 1) {
        char penalty[32];
        hd_print_number(penalty, sizeof penalty, "%g", (double)generation->length_penalty);
        hd_buffer_format(out, ", length-penalty %s, early-stopping %s", penalty,
                         stopping_name(generation->early_stopping));
    }
    hd_buffer_byte(out, '\n');
}

void hd_model_describe_text(const heed_model *model, hd_buffer *out) {
    begin_line(out, "model");
    hd_buffer_format(out, "%s (%s)\n", model->family->model_type,
                     hd_family_architecture(model->family, model->network->recipe.head));
    begin_line(out, "folder");
    hd_buffer_visible(out, model->folder ? model->folder : "none");
    hd_buffer_byte(out, '\n');
    append_parameters(model, out);
    append_recipe(&model->network->recipe, out);
    append_tokenizer("tokenizer", model->tokenizer, out);
    append_tokenizer("  of targets", model->target_tokenizer, out);
    append_labels(model, out);
    append_languages(model->tokenizer, out);
    if (model->network->recipe.side[HD_DECODER].layers) append_generation(&model->generation, out);
}

/* ---- for programs ----------------------------------------------------------------------------------------------- */

/* Gives the object up when it could not be filled. */
static json_t *unless_failed(json_t *object, int failed) {
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static json_t *weights_object(const heed_model *model) {
    const size_t *bytes = model->stored;
    json_t *object = json_object();
    int failed = 0;
    for (int dtype = 0; dtype < HD_DTYPES; dtype++)
        if (bytes[dtype])
            failed |=
                json_object_set_new(object, hd_dtype_name((hd_dtype)dtype), json_integer((json_int_t)bytes[dtype]));
    return unless_failed(object, failed);
}

static json_t *specials_object(const heed_tokenizer *tokenizer) {
    json_t *object = json_object();
    int failed = 0;
    for (int32_t id = 0; id < (int32_t)hd_tokenizer_size(tokenizer); id++)
        if (hd_tokenizer_is_special(tokenizer, id))
            failed |= json_object_set_new(object, hd_tokenizer_token(tokenizer, id), json_integer(id));
    return unless_failed(object, failed);
}

static json_t *tokenizer_object(const heed_tokenizer *tokenizer) {
    return json_pack("{s:I, s:o}", "size", (json_int_t)hd_tokenizer_size(tokenizer), "special",
                     specials_object(tokenizer));
}

/* What a translator with a vocabulary or a tokenizer for targets alone has besides. */
static int add_targets(const heed_model *model, json_t *object) {
    json_int_t targets = (json_int_t)model->network->recipe.target_vocabulary;
    int failed = targets ? json_object_set_new(object, "target_vocabulary", json_integer(targets)) : 0;
    return !model->target_tokenizer
               ? failed
               : failed | json_object_set_new(object, "target_tokenizer", tokenizer_object(model->target_tokenizer));
}

static json_t *generation_object(const hd_generation *generation) {
    return json_pack("{s:I, s:I, s:I, s:f, s:s, s:f, s:I}", "beams", (json_int_t)generation->beams, "max_new_tokens",
                     (json_int_t)generation->max_new_tokens, "max_length", (json_int_t)generation->max_length,
                     "length_penalty", (double)generation->length_penalty, "early_stopping",
                     stopping_name(generation->early_stopping), "repetition_penalty",
                     (double)generation->repetition_penalty, "no_repeat_ngram",
                     (json_int_t)generation->no_repeat_ngram);
}

static json_t *sizes_object(const heed_model *model) {
    part_sizes sizes = measure_parts(model->network);
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "total", (json_int_t)hd_model_parameters(model), "embedding",
                     (json_int_t)sizes.embedding, "encoder", (json_int_t)sizes.encoder, "decoder",
                     (json_int_t)sizes.decoder, "output", (json_int_t)sizes.output);
}

/* Properties that only recurrent models have. */
/* Of a recurrent network: it lacks most of what describes a Transformer. */
static int add_recurrent(const hd_recipe *recipe, json_t *object) {
    static const char *const of_transformers[] = {"heads", "ffn_width", "activation", "pre_norm", "positions"};
    for (size_t i = 0; i < HD_COUNT(of_transformers); i++) json_object_del(object, of_transformers[i]);
    int failed = json_object_set_new(object, "cell", json_string(hd_choice_title(hd_cells, recipe->cell)));
    if (recipe->side[HD_ENCODER].layers)
        failed |= json_object_set_new(object, "directions", json_integer(recipe->bidirectional ? 2 : 1));
    if (recipe->self_attends) failed |= json_object_set_new(object, "self_attention", json_true());
    if (hd_recipe_translates(recipe))
        failed |= json_object_set_new(object, "decoder_memory", json_string(hd_choice_title(hd_memories, recipe->memory)));
    if (hd_recipe_copies(recipe)) failed |= json_object_set_new(object, "copying", json_true());
    return failed;
}

static int add_labels(const heed_model *model, json_t *object) {
    json_t *labels = json_array();
    int failed = json_object_set_new(object, "labels", labels);
    for (int64_t i = 0; i < model->network->recipe.labels && !failed; i++)
        failed = json_array_append_new(labels, json_string(model->labels[i]));
    return failed;
}

static int add_languages(const heed_model *model, json_t *object) {
    const hd_languages *languages = model->tokenizer ? hd_tokenizer_languages(model->tokenizer) : NULL;
    json_t *names = languages ? json_array() : NULL;
    int failed = languages ? json_object_set_new(object, "languages", names) : 0;
    for (size_t i = 0; languages && i < languages->count && !failed; i++) {
        hd_buffer name;
        hd_buffer_open(&name, model->context);
        hd_language_name(model->tokenizer, languages->ids[i], &name);
        failed =
            name.failed || json_array_append_new(names, hd_json_text(model->context, name.data ? name.data : "")) != 0;
        hd_buffer_close(&name);
    }
    return failed;
}

json_t *hd_model_describe_object(const heed_model *model) {
    const hd_recipe *recipe = &model->network->recipe;
    json_t *object = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:[I,I], s:I, s:[I,I], s:[I,I], s:s, s:b, s:s, s:I, s:I, s:o, s:o}", //
        "model_type", model->family->model_type, "architecture",
        hd_family_architecture(model->family, model->network->recipe.head), //
        "folder", hd_json_text(model->context, model->folder ? model->folder : ""), "parameters", sizes_object(model),
        "weight_bytes",
        weights_object(model),                                                                              //
        "layers", (json_int_t)recipe->side[HD_ENCODER].layers, (json_int_t)recipe->side[HD_DECODER].layers, //
        "width", (json_int_t)recipe->width, "heads", (json_int_t)recipe->side[HD_ENCODER].heads,
        (json_int_t)recipe->side[HD_DECODER].heads,                                                                  //
        "ffn_width", (json_int_t)recipe->side[HD_ENCODER].ffn_width, (json_int_t)recipe->side[HD_DECODER].ffn_width, //
        "activation", hd_activation_name((hd_activation)hd_recipe_top(recipe)->activation), "pre_norm",
        hd_recipe_top(recipe)->norm_placement == HD_NORM_PRE,                                              //
        "positions", positions_name(recipe), "max_positions", (json_int_t)hd_recipe_max_positions(recipe), //
        "vocabulary", (json_int_t)recipe->vocabulary,                                                      //
        "tokenizer", tokenizer_object(model->tokenizer),                                                   //
        "generation", generation_object(&model->generation));
    int failed = !object;
    if (!failed && recipe->architecture == HD_RECURRENT) failed = add_recurrent(recipe, object);
    if (!failed) failed = add_targets(model, object);
    if (!failed && model->labels) failed = add_labels(model, object);
    if (!failed) failed = add_languages(model, object);
    return unless_failed(object, failed);
}

static heed_status describe_as_json(const heed_model *model, hd_buffer *out) {
    json_t *object = hd_model_describe_object(model);
    if (!object) return hd_json_no_memory(model->context, model->folder ? model->folder : "model");
    heed_status status = hd_json_append(model->context, object, out);
    json_decref(object);
    return status;
}

heed_status heed_model_describe(const heed_model *model, bool json, char **text) {
    hd_buffer out;
    hd_buffer_open(&out, model->context);
    heed_status status = HEED_OK;
    if (json)
        status = describe_as_json(model, &out);
    else
        hd_model_describe_text(model, &out);
    if (!json && out.size) out.data[--out.size] = 0; /* the last line's end */
    *text = status == HEED_OK ? hd_buffer_take(&out) : NULL;
    if (!*text) hd_buffer_close(&out);
    return status != HEED_OK ? status : *text ? HEED_OK : HEED_MEMORY;
}
