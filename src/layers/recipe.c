#include "layers/recipe.h"

#include <math.h>
#include <string.h>

const hd_choice hd_position_kinds[] = {{"sinusoidal", HD_POSITIONS_SINUSOIDAL, "Sinusoidal positions:"},
                                       {"learned", HD_POSITIONS_LEARNED, "Learned positions:"},
                                       {"rotary", HD_POSITIONS_ROTARY, "Rotary positions:"},
                                       {"none", HD_POSITIONS_NONE, "No positions:"},
                                       {"sinusoidal-apart", HD_POSITIONS_SINUSOIDAL_APART, "Sinusoidal positions:"},
                                       {NULL, 0, NULL}};

const hd_choice hd_cells[] = {
    {"elman", HD_ELMAN, "Elman"}, {"gru", HD_GRU, "GRU"}, {"lstm", HD_LSTM, "LSTM"}, {NULL, 0, NULL}};

const hd_choice hd_memories[] = {{"last", HD_MEMORY_LAST, "last state"},
                                 {"mean", HD_MEMORY_MEAN, "mean of states"},
                                 {"concatenated", HD_MEMORY_CONCATENATED, "concatenated states"},
                                 {"bahdanau", HD_MEMORY_BAHDANAU, "Bahdanau's attention"},
                                 {"luong-dot", HD_MEMORY_LUONG_DOT, "Luong's attention (dot)"},
                                 {"luong-general", HD_MEMORY_LUONG_GENERAL, "Luong's attention (general)"},
                                 {"luong-concat", HD_MEMORY_LUONG_CONCAT, "Luong's attention (concat)"},
                                 {NULL, 0, NULL}};

float hd_recipe_logit_scale(const hd_recipe *recipe) {
    if (!hd_recipe_scores_tokens(recipe)) return 1;
    float scale = recipe->logit_scale > 0 ? recipe->logit_scale : 1;
    return recipe->scale_logits ? scale / sqrtf((float)recipe->width) : scale;
}

static const hd_choice *find_choice(const hd_choice *choices, int value) {
    while (choices->name && choices->value != value) choices++;
    return choices;
}

const char *hd_choice_name(const hd_choice *choices, int value) { return find_choice(choices, value)->name; }

const char *hd_choice_title(const hd_choice *choices, int value) { return find_choice(choices, value)->title; }

/* Clears the numbers that the kind of scaling ignores. */
static hd_rotary_scaling simplified_scaling(const hd_rotary_scaling *s) {
    hd_rotary_scaling plain = {.kind = s->kind, .factor = s->factor}, whole = *s;
    memset(whole.unused, 0, sizeof whole.unused);
    switch ((hd_rotary_kind)s->kind) {
        case HD_ROTARY_UNSCALED:
            plain.factor = 0;
            break;
        case HD_ROTARY_LINEAR:
            break;
        case HD_ROTARY_LLAMA3:
            plain.low_frequency = s->low_frequency, plain.high_frequency = s->high_frequency;
            plain.original_positions = s->original_positions;
            break;
        case HD_ROTARY_DYNAMIC:
            plain.original_positions = s->original_positions;
            break;
        default:
            return whole;
    }
    return plain;
}

static void simplify_rotation(hd_side_recipe *side, int64_t width) {
    bool rotated = side->positions == HD_POSITIONS_ROTARY;
    hd_layer_set unrotated = {{0}};
    for (int64_t i = 0; i < hd_min(side->layers, HD_SET_LAYERS) && rotated; i++)
        if (hd_layer_set_has(&side->unrotated_layers, i)) hd_layer_set_add(&unrotated, i);
    if (!rotated) side->rotary_base = 0, side->rotary_scaling = (hd_rotary_scaling){0};
    if (!rotated || !side->window) side->local_rotary_base = 0;
    side->rotary_width = rotated ? hd_side_rotary_width(side, width) : 0;
    side->rotary_scaling = simplified_scaling(&side->rotary_scaling);
    side->unrotated_layers = unrotated;
}

float hd_side_score_scale(const hd_side_recipe *side, int64_t width) {
    if (side->score_scale > 0) return side->score_scale;
    int summands = 1 + !!(side->relative & HD_RELATIVE_KEYS) + !!(side->relative & HD_RELATIVE_QUERIES);
    return 1.0f / sqrtf((float)hd_side_head_width(side, width) * (float)summands);
}

float hd_side_embedding_scale(const hd_side_recipe *side, int64_t width) {
    float scale = side->embedding_scale > 0 ? side->embedding_scale : 1;
    return side->scale_embedding ? scale * sqrtf((float)width) : scale;
}

/* A set has an effect on the side's own layers alone, and a window on those that are not in it. */
static void simplify_window(hd_side_recipe *side) {
    hd_layer_set global = {{0}};
    int64_t count = 0, last = hd_min(side->layers, HD_SET_LAYERS);
    for (int64_t i = 0; i < last && side->window; i++) {
        if (hd_side_window(side, i)) continue;
        hd_layer_set_add(&global, i);
        count++;
    }
    if (count == side->layers) side->window = 0;
    side->global_layers = side->window ? global : (hd_layer_set){{0}};
}

/* Summands without a table have an effect on the scale alone, and projections only where there is a summand. */
static void simplify_relative(hd_side_recipe *side) {
    const unsigned summands = HD_RELATIVE_KEYS | HD_RELATIVE_QUERIES;
    if (!side->relative_positions) side->relative_span = 0, side->relative &= ~summands;
    if (!(side->relative & summands)) side->relative &= ~(unsigned)HD_RELATIVE_PROJECTED;
}

/* Clears the fields that have no effect on a Transformer's side, and replaces 0 by the default that it means. */
static void simplify_side(hd_side_recipe *side, int64_t width) {
    side->key_heads = hd_side_key_heads(side);
    side->head_width = hd_side_head_width(side, width);
    if (side->stored_layers == side->layers) side->stored_layers = 0;
    side->score_scale = hd_side_score_scale(side, width);
    if (!(side->embedding_scale > 0)) side->embedding_scale = 1;
    if (!(side->residual_scale > 0)) side->residual_scale = 1;
    simplify_relative(side);
    simplify_window(side);
    simplify_rotation(side, width);
    bool offset = side->positions == HD_POSITIONS_LEARNED || side->positions == HD_POSITIONS_SINUSOIDAL_APART;
    if (!offset) side->position_offset = 0;
    if (!side->position_buckets) side->bucket_distance = 0, side->bucket_per_layer = false;
    if (!side->convolution) side->convolution_activation = 0;
}

/* Clears the fields of the head that have no effect. */
static void simplify_head(hd_recipe *r) {
    hd_head head = (hd_head)r->head;
    bool scores_tokens = hd_head_predicts_tokens(head), alone = head == HD_HEAD_NONE;
    if (scores_tokens) r->head_dense = false;
    if (scores_tokens || alone) r->head_norm = false;
    if (head == HD_HEAD_LANGUAGE || alone) r->head_output_unbiased = false;
    if (!scores_tokens && !(alone && r->side[HD_DECODER].layers)) r->untied = false;
    bool dense = head == HD_HEAD_MASKED || r->head_dense;
    if (!dense) r->head_dense_unbiased = false;
    if (!dense || alone) r->head_activation = 0;
    if (head != HD_HEAD_CLASSIFY_TEXT) r->pooling = 0;
    if (!hd_head_classifies(head)) r->labels = 0;
}

/* Equal models have equal bytes in this form. */
static hd_recipe simplified(const hd_recipe *recipe) {
    hd_recipe r = *recipe;
    for (int i = 0; i < HD_SIDES; i++) {
        hd_side_recipe *side = &r.side[i];
        if (!side->layers)
            *side = (hd_side_recipe){0};
        else if (r.architecture == HD_RECURRENT)
            *side = (hd_side_recipe){.layers = side->layers, .max_positions = side->max_positions};
        else
            simplify_side(side, r.width);
    }
    bool recurrent = r.architecture == HD_RECURRENT;
    if (!recurrent) r.cell = 0;
    if (!recurrent || !r.side[HD_ENCODER].layers) r.bidirectional = false;
    if (!recurrent || !hd_recipe_translates(&r)) r.memory = 0, r.direct_states = false;
    if (!recurrent || hd_recipe_translates(&r) || !r.side[HD_DECODER].layers) r.self_attends = false;
    r.copies = recurrent && hd_recipe_copies(&r);
    if (!r.side[HD_DECODER].layers) r.eos = r.decoder_start = -1;
    r.embedding_width = hd_recipe_embedding_width(&r);
    if (!hd_recipe_projects(&r)) r.embedding_projection = 0;
    if (!hd_recipe_translates(&r) || hd_head_predicts_tokens((hd_head)r.head)) r.starts_with_last = false;
    if (!hd_recipe_translates(&r)) r.target_vocabulary = 0;
    simplify_head(&r);
    r.logit_scale = hd_recipe_logit_scale(&r), r.logit_softcap = hd_recipe_soft_cap(&r);
    r.scale_logits = r.pad_trained = false;
    r.dropout = r.attention_dropout = r.activation_dropout = r.initial_spread = 0;
    return r;
}

bool hd_recipe_equal(const hd_recipe *a, const hd_recipe *b) {
    hd_recipe x = simplified(a), y = simplified(b);
    return memcmp(&x, &y, sizeof x) == 0;
}

void hd_recipe_copy_head(const hd_recipe *from, hd_recipe *to) {
    to->head = from->head;
    to->pooling = from->pooling;
    to->head_activation = from->head_activation;
    to->head_dense = from->head_dense;
    to->head_norm = from->head_norm;
    to->head_dense_unbiased = from->head_dense_unbiased;
    to->head_output_unbiased = from->head_output_unbiased;
    to->starts_with_last = from->starts_with_last;
}
