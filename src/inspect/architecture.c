/* Reads the architecture of a network from its recipe and its declared parameters. Every parameter is counted in exactly one
 * box, so the boxes' parameters sum to those of the model (tests/unit/inspect_architecture.c). */
#include "inspect/architecture.h"

#include "base/number.h"
#include "layers/recurrent.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LABEL = 320 };

typedef struct builder {
    const hd_network *network;
    const hd_recipe *recipe;
    const hd_side_recipe *side; /* of `which` */
    hd_network_side which;
    hd_architecture_picture *p;
    bool failed; /* memory ran out */
} builder;

/* ---- text ---- */

static const char *keep(builder *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *keep(builder *b, const char *format, ...) {
    va_list arguments;
    char *text = hd_arena_alloc(&b->p->picture.arena, LABEL, 1);
    if (!text) {
        b->failed = true;
        return "";
    }
    va_start(arguments, format);
    vsnprintf(text, LABEL, format, arguments);
    va_end(arguments);
    return text;
}

/* "8,000 × 128" with any sign between. */
static const char *shape(builder *b, int64_t rows, const char *sign, int64_t columns) {
    char first[32], second[32];
    hd_print_count(first, rows), hd_print_count(second, columns);
    return keep(b, "%s %s %s", first, sign, second);
}

static const char *count_of(builder *b, int64_t count) {
    char label[32];
    hd_print_count(label, count);
    return keep(b, "%s", label);
}

static const char *norm_name(int norm) {
    static const char *const names[HD_NORM_KINDS] = {"Layer norm", "Layer norm, no shift", "RMS norm",
                                                     "RMS norm, 1 + gain"};
    return names[norm];
}

static const char *activation_name(int activation) {
    static const char *const names[] = {"no activation", "ReLU", "GELU", "GELU (tanh)", "SiLU", "tanh", "sigmoid"};
    return names[activation];
}

/* ---- parameters ---- */

/* A list of modules that ends with HD_MODULES. */
#define MODULES(...) ((const hd_module[]){__VA_ARGS__, HD_MODULES})

static bool is_listed(hd_module module, const hd_module *list) {
    while (*list != HD_MODULES)
        if (*list++ == module) return true;
    return false;
}

/* Parameters of these modules; of one layer, or with −1 of all. */
static int64_t count_modules(const builder *b, int side, const hd_module *list, int64_t layer) {
    const hd_network *network = b->network;
    int64_t sum = 0;
    for (int64_t i = 0; i < network->count; i++) {
        const hd_slot *slot = &network->slots[i];
        if ((int)slot->side == side && (layer < 0 || slot->layer == layer) && is_listed(slot->module, list))
            sum += hd_parameter_count(network->parameters[i]);
    }
    return sum;
}

/* The layer that stands for all: the last one, as the first may lack a norm. */
static int64_t typical_layer(const builder *b) {
    return (b->side->stored_layers ? b->side->stored_layers : b->side->layers) - 1;
}

/* ---- boxes ---- */

static hd_side_picture *side_of(const builder *b) { return &b->p->side[b->which]; }

static hd_box *add(builder *b, hd_box_kind kind, const char *name, const char *note) {
    hd_side_picture *side = side_of(b);
    if (side->count == HD_MOST_BOXES) side->count--; /* no recipe has so many */
    hd_box *box = &side->boxes[side->count++];
    *box = (hd_box){.kind = kind, .name = name, .note = note};
    return box;
}

/* A box outside the layers, with the parameters of modules of one side or of none. */
static hd_box *add_counted(builder *b, hd_box_kind kind, const char *name, const char *note, int side,
                           const hd_module *modules) {
    hd_box *box = add(b, kind, name, note);
    box->parameters = box->all = count_modules(b, side, modules, -1);
    return box;
}

/* A box of every layer. */
static hd_box *add_repeated(builder *b, hd_box_kind kind, const char *name, const char *note,
                            const hd_module *modules) {
    hd_box *box = add(b, kind, name, note);
    box->parameters = count_modules(b, (int)b->which, modules, typical_layer(b));
    box->all = count_modules(b, (int)b->which, modules, -1);
    return box;
}

static void add_sum(builder *b, int64_t spans) { add(b, HD_BOX_SUM, "Add", "")->spans = spans; }

/* Two rows that are added: a table beside the line, and the sum. */
static void add_table(builder *b, const char *name, const char *note, const hd_module *modules) {
    add_counted(b, HD_BOX_POSITIONS, name, note, (int)b->which, modules)->place = HD_PLACE_ADDED;
    add_sum(b, 0);
}

static void add_norm(builder *b, hd_module module, bool repeated) {
    const hd_parameter *gain = hd_network_layer(b->network, b->which, repeated ? typical_layer(b) : 0)[module].weight;
    const char *note = gain ? count_of(b, gain->columns) : "";
    if (!gain) return;
    if (repeated)
        add_repeated(b, HD_BOX_NORM, norm_name(b->side->norm), note, MODULES(module));
    else
        add_counted(b, HD_BOX_NORM, norm_name(b->side->norm), note, (int)b->which, MODULES(module));
}

/* ---- embeddings ---- */

static void add_embedding(builder *b) {
    const hd_recipe *recipe = b->recipe;
    bool own = recipe->target_vocabulary, second = b->which == HD_DECODER && hd_recipe_translates(recipe);
    const hd_parameter *table = b->which == HD_ENCODER ? b->network->source_embedding : b->network->target_embedding;
    float scale = recipe->architecture == HD_TRANSFORMER ? hd_side_embedding_scale(b->side, recipe->width) : 1;
    const char *note = shape(b, table->rows, "×", table->columns);
    char factor[32];
    hd_print_number(factor, sizeof factor, "%.4g", (double)scale);
    if (scale < 1 || scale > 1) note = keep(b, "%s, times %s", note, factor);
    if (second && !own) {
        add(b, HD_BOX_EMBEDDING, "Token embedding", "the encoder's table");
        return;
    }
    add_counted(b, HD_BOX_EMBEDDING, "Token embedding", note, own ? (int)b->which : HD_SHARED,
                MODULES(HD_MODULE_EMBEDDING));
}

static void add_projection(builder *b, hd_projection here) {
    const hd_recipe *recipe = b->recipe;
    hd_projection projection = (hd_projection)recipe->embedding_projection;
    if (projection == HD_PROJECTION_ALWAYS) projection = HD_PROJECTION_AFTER_NORM;
    if (!hd_recipe_projects(recipe) || projection != here) return;
    add_counted(b, HD_BOX_LINEAR, "Linear", shape(b, hd_recipe_embedding_width(recipe), "→", recipe->width),
                (int)b->which, MODULES(HD_MODULE_EMBEDDING_PROJECTION));
}

static void add_positions(builder *b) {
    const hd_parameter *table = hd_network_layer(b->network, b->which, 0)[HD_MODULE_POSITIONS].whole;
    if (table)
        add_table(b, "Learned positions", shape(b, table->rows, "×", table->columns), MODULES(HD_MODULE_POSITIONS));
    else if (b->side->positions == HD_POSITIONS_SINUSOIDAL || b->side->positions == HD_POSITIONS_SINUSOIDAL_APART)
        add_table(b, "Sinusoidal positions", "fixed", MODULES(HD_MODULE_POSITIONS));
}

/* What the layers read besides states: tables of relative positions, and DeBERTa's convolution. */
static void add_beside(builder *b) {
    const hd_module_weights *layer = hd_network_layer(b->network, b->which, 0);
    const hd_parameter *relative = layer[HD_MODULE_RELATIVE_POSITIONS].whole,
                       *bias = layer[HD_MODULE_POSITION_BIAS].whole;
    if (relative)
        add_counted(b, HD_BOX_POSITIONS, "Relative positions", shape(b, relative->rows, "×", relative->columns),
                    (int)b->which, MODULES(HD_MODULE_RELATIVE_POSITIONS, HD_MODULE_RELATIVE_NORM))
            ->place = HD_PLACE_BESIDE;
    else if (layer[HD_MODULE_RELATIVE_NORM].weight)
        add_counted(b, HD_BOX_NORM, "Unused norm", "", (int)b->which, MODULES(HD_MODULE_RELATIVE_NORM))->place =
            HD_PLACE_BESIDE;
    if (bias)
        add_counted(
            b, HD_BOX_POSITIONS, "Position bias",
            keep(b, "%s%s", shape(b, bias->rows, "×", bias->columns), b->side->bucket_per_layer ? ", each layer" : ""),
            (int)b->which, MODULES(HD_MODULE_POSITION_BIAS))
            ->place = HD_PLACE_BESIDE;
    if (b->side->convolution)
        add_counted(b, HD_BOX_FEED_FORWARD, "Convolution, norm",
                    keep(b, "%lld tokens, layer 1", (long long)b->side->convolution), (int)b->which,
                    MODULES(HD_MODULE_CONVOLUTION, HD_MODULE_CONVOLUTION_NORM))
            ->place = HD_PLACE_BESIDE;
}

static void add_input(builder *b) {
    const hd_parameter *types = hd_network_layer(b->network, b->which, 0)[HD_MODULE_TOKEN_TYPES].whole;
    add_embedding(b);
    if (types) add_table(b, "Token types", shape(b, types->rows, "×", types->columns), MODULES(HD_MODULE_TOKEN_TYPES));
    add_projection(b, HD_PROJECTION_TOKENS);
    add_positions(b);
    add_projection(b, HD_PROJECTION_BEFORE_NORM);
    add_norm(b, HD_MODULE_EMBEDDING_NORM, false);
    add_projection(b, HD_PROJECTION_AFTER_NORM);
    add_beside(b);
}

/* ---- layers of a Transformer ---- */

static const char *heads_note(builder *b) {
    const hd_side_recipe *side = b->side;
    int64_t key_heads = hd_side_key_heads(side), width = hd_side_head_width(side, b->recipe->width);
    const char *heads =
        keep(b, "%lld head%s of %lld", (long long)side->heads, side->heads == 1 ? "" : "s", (long long)width);
    return key_heads == side->heads ? heads : keep(b, "%s, %lld of keys and values", heads, (long long)key_heads);
}

/* A sublayer with its norms and its residual connection. */
static void add_sublayer(builder *b, hd_box_kind kind, const char *name, const char *note, const hd_module *modules,
                         hd_module norm, hd_module after) {
    int placement = b->side->norm_placement;
    hd_side_picture *side = side_of(b);
    int64_t start = side->count;
    if (placement == HD_NORM_PRE || placement == HD_NORM_BOTH) add_norm(b, norm, true);
    add_repeated(b, kind, name, note, modules)->cross = norm == HD_MODULE_CROSS_NORM;
    if (placement == HD_NORM_BOTH || placement == HD_NORM_AFTER) add_norm(b, after, true);
    if (!b->side->no_residual) add_sum(b, side->count - start);
    if (placement == HD_NORM_POST) add_norm(b, norm, true);
}

static const char *ffn_note(builder *b) {
    const hd_side_recipe *side = b->side;
    const char *in = count_of(b, b->recipe->width), *inner = count_of(b, side->ffn_width);
    return keep(b, "%s → %s → %s, %s%s", in, inner, in, side->gated ? "gated " : "", activation_name(side->activation));
}

/* "2 of 4 layers"; of a set, or of its complement. */
static const char *some_layers(builder *b, const hd_layer_set *set, bool others) {
    int64_t in = 0;
    for (int64_t i = 0; i < b->side->layers; i++) in += hd_layer_set_has(set, i) != others;
    return in == b->side->layers ? "all layers"
                                 : keep(b, "%lld of %lld layers", (long long)in, (long long)b->side->layers);
}

static void describe_layers(builder *b) {
    const hd_side_recipe *side = b->side;
    const char *note = "";
    bool unrotated = false;
    for (int64_t i = 0; i < side->layers; i++) unrotated |= hd_layer_set_has(&side->unrotated_layers, i);
    if (side->stored_layers && side->stored_layers < side->layers)
        note = keep(b, "%lld layer%s of weights, shared", (long long)side->stored_layers,
                    side->stored_layers == 1 ? "" : "s");
    if (side->window)
        note = keep(b, "%s%swindow of %lld tokens in %s", note, *note ? "; " : "", (long long)side->window,
                    some_layers(b, &side->global_layers, true));
    if (unrotated && side->positions == HD_POSITIONS_ROTARY)
        note =
            keep(b, "%s%sno positions in %s", note, *note ? "; " : "", some_layers(b, &side->unrotated_layers, false));
    if (side->residual_scale > 0 && (side->residual_scale < 1 || side->residual_scale > 1)) {
        char factor[32];
        hd_print_number(factor, sizeof factor, "%.4g", (double)side->residual_scale);
        note = keep(b, "%s%seach sum adds %s times the sublayer", note, *note ? "; " : "", factor);
    }
    if (side->no_residual) note = keep(b, "%s%sno residual connections", note, *note ? "; " : "");
    side_of(b)->layers_note = note;
}

static void end_layers(builder *b) {
    hd_side_picture *side = side_of(b);
    side->end = side->count;
    for (int64_t i = side->first; i < side->end; i++) side->layer_parameters += side->boxes[i].parameters;
}

static void add_layers(builder *b) {
    hd_side_picture *side = side_of(b);
    bool decoder = b->which == HD_DECODER;
    side->first = side->count;
    add_sublayer(b, HD_BOX_ATTENTION, decoder ? "Masked self-attention" : "Self-attention", heads_note(b),
                 MODULES(HD_MODULE_Q, HD_MODULE_K, HD_MODULE_V, HD_MODULE_OUT, HD_MODULE_Q_NORM, HD_MODULE_K_NORM,
                         HD_MODULE_RELATIVE_Q, HD_MODULE_RELATIVE_K),
                 HD_MODULE_ATTENTION_NORM, HD_MODULE_ATTENTION_AFTER_NORM);
    if (decoder && b->recipe->side[HD_ENCODER].layers)
        add_sublayer(b, HD_BOX_ATTENTION, "Cross-attention", heads_note(b),
                     MODULES(HD_MODULE_CROSS_Q, HD_MODULE_CROSS_K, HD_MODULE_CROSS_V, HD_MODULE_CROSS_OUT,
                             HD_MODULE_CROSS_Q_NORM, HD_MODULE_CROSS_K_NORM),
                     HD_MODULE_CROSS_NORM, HD_MODULE_CROSS_AFTER_NORM);
    add_sublayer(b, HD_BOX_FEED_FORWARD, "Feed-forward", ffn_note(b),
                 MODULES(HD_MODULE_FFN_UP, HD_MODULE_FFN_GATE, HD_MODULE_FFN_DOWN), HD_MODULE_FFN_NORM,
                 HD_MODULE_FFN_AFTER_NORM);
    end_layers(b);
    describe_layers(b);
    add_norm(b, HD_MODULE_FINAL_NORM, false);
    if (!decoder || hd_recipe_state_width(b->recipe) == b->recipe->width) return;
    add_counted(b, HD_BOX_LINEAR, "Linear", shape(b, b->recipe->width, "→", hd_recipe_state_width(b->recipe)),
                HD_DECODER, MODULES(HD_MODULE_STATE_PROJECTION));
}

/* ---- layers of a recurrent network ---- */

static void add_cells(builder *b) {
    hd_side_picture *side = side_of(b);
    const hd_recipe *recipe = b->recipe;
    const char *cell = hd_choice_title(hd_cells, recipe->cell), *width = count_of(b, recipe->width);
    bool both = b->which == HD_ENCODER && recipe->bidirectional;
    side->first = side->count;
    add_repeated(b, HD_BOX_CELL, keep(b, "%s cell%s", cell, both ? "s, two directions" : ""),
                 both ? keep(b, "states of 2 × %s", count_of(b, recipe->width / 2)) : keep(b, "states of %s", width),
                 MODULES(HD_MODULE_CELL_INPUT, HD_MODULE_CELL_STATE, HD_MODULE_CELL_INPUT_BACKWARDS,
                         HD_MODULE_CELL_STATE_BACKWARDS, HD_MODULE_CONTEXT));
    end_layers(b);
    side->layers_note = "";
}

static const char *memory_note(builder *b) {
    static const char *const scores[] = {[HD_MEMORY_BAHDANAU] = "v · tanh(W s + U h)",
                                         [HD_MEMORY_LUONG_DOT] = "s · h",
                                         [HD_MEMORY_LUONG_GENERAL] = "s · W h",
                                         [HD_MEMORY_LUONG_CONCAT] = "v · tanh(W s + U h)"};
    return keep(b, "score %s", scores[b->recipe->memory]);
}

/* The decoder's initial states, and what comes after its cells. */
static void add_bridge(builder *b) {
    const hd_recipe *recipe = b->recipe;
    static const char *const from[] = {"the last state", "the mean of h", "all h, concatenated"};
    const char *source = recipe->memory <= HD_MEMORY_CONCATENATED ? from[recipe->memory] : from[0];
    add_counted(b, HD_BOX_LINEAR, recipe->direct_states ? "Initial state" : "Linear, tanh: initial states",
                keep(b, "of %s", source), HD_DECODER, MODULES(HD_MODULE_BRIDGE_H, HD_MODULE_BRIDGE_C))
        ->place = HD_PLACE_BESIDE;
}

static void add_combination(builder *b) {
    const hd_recipe *recipe = b->recipe;
    int64_t width = recipe->width;
    if (hd_recipe_attends(recipe))
        add_counted(b, HD_BOX_ATTENTION, hd_choice_title(hd_memories, recipe->memory), memory_note(b), HD_DECODER,
                    MODULES(HD_MODULE_QUERY, HD_MODULE_KEY, HD_MODULE_SCORER))
            ->cross = true;
    if (!recipe->direct_states)
        add_counted(b, HD_BOX_FEED_FORWARD, "Feed-forward, tanh",
                    keep(b, "%s → %s",
                         hd_recipe_attends(recipe) ? keep(b, "[s; C]: %s", count_of(b, 2 * width)) : count_of(b, width),
                         count_of(b, width)),
                    HD_DECODER, MODULES(HD_MODULE_COMBINE));
}

/* Attention of a decoder alone to its own states. */
static void add_self_attention(builder *b) {
    int64_t width = b->recipe->width;
    add_counted(b, HD_BOX_ATTENTION, "Masked self-attention", keep(b, "score h · W h ÷ √%lld", (long long)width),
                HD_DECODER, MODULES(HD_MODULE_KEY));
    add_counted(b, HD_BOX_FEED_FORWARD, "Feed-forward, tanh",
                keep(b, "[h; C]: %s → %s", count_of(b, 2 * width), count_of(b, width)), HD_DECODER,
                MODULES(HD_MODULE_COMBINE));
}

/* ---- heads ---- */

static void add_dense(builder *b, hd_module module, const char *name) {
    const hd_parameter *weight = hd_network_layer(b->network, HD_SHARED, 0)[module].weight;
    if (!weight) return;
    add_counted(b, HD_BOX_LINEAR, name, shape(b, weight->columns, "→", weight->rows), HD_SHARED, MODULES(module));
}

static void add_head_norm(builder *b) {
    const hd_parameter *gain = hd_network_layer(b->network, HD_SHARED, 0)[HD_MODULE_HEAD_NORM].weight;
    if (gain)
        add_counted(b, HD_BOX_NORM, norm_name(b->side->norm), count_of(b, gain->columns), HD_SHARED,
                    MODULES(HD_MODULE_HEAD_NORM));
}

static void add_output(builder *b) {
    const hd_parameter *table = b->network->output;
    bool tied = table == b->network->target_embedding;
    if (!table) return;
    add_counted(b, HD_BOX_LINEAR, "Linear",
                keep(b, "%s%s", shape(b, table->columns, "→", table->rows), tied ? ", the embedding's table" : ""),
                HD_SHARED,
                MODULES(HD_MODULE_TOKEN_OUTPUT, HD_MODULE_OUTPUT, HD_MODULE_TEXT_OUTPUT, HD_MODULE_ANSWER_OUTPUT,
                        HD_MODULE_OUTPUT_BIAS, HD_MODULE_OUTPUT_LEARNED_BIAS));
}

static void add_softmax(builder *b, const char *note) {
    char cap[32];
    hd_print_number(cap, sizeof cap, "%.4g", (double)hd_recipe_soft_cap(b->recipe));
    if (hd_recipe_soft_cap(b->recipe) > 0) note = keep(b, "%s; logits capped at ±%s", note, cap);
    add(b, HD_BOX_OUTPUT, "Softmax", note);
}

static void add_pooling(builder *b) {
    static const char *const names[] = {"State of the first token", "Mean of all states", "State of the last token"};
    bool ends = b->recipe->pooling == HD_POOL_LAST && b->recipe->bidirectional;
    add(b, HD_BOX_POOL, ends ? "Last state of each direction" : names[b->recipe->pooling], "");
}

static void add_head(builder *b) {
    const hd_recipe *recipe = b->recipe;
    hd_side_picture *side = side_of(b);
    const char *dense = keep(b, "Dense layer, %s", activation_name(recipe->head_activation));
    side->output = "last hidden states";
    switch ((hd_head)recipe->head) {
        case HD_HEAD_NONE:
            if (!hd_recipe_scores_tokens(recipe)) {
                if (hd_network_layer(b->network, HD_SHARED, 0)[HD_MODULE_STORED_POOLER].weight) {
                    add_dense(b, HD_MODULE_STORED_POOLER, "Stored pooler, unused");
                    side->boxes[side->count - 1].place = HD_PLACE_BESIDE;
                }
                return;
            }
            add_output(b);
            add_softmax(b, keep(b, "over %s tokens", count_of(b, hd_network_classes(b->network))));
            side->output = "probabilities of the next token";
            return;
        case HD_HEAD_LANGUAGE:
        case HD_HEAD_MASKED:
            add_dense(b, HD_MODULE_HEAD_DENSE, dense);
            add_head_norm(b);
            add_output(b);
            add_softmax(b, keep(b, "over %s tokens", count_of(b, hd_network_classes(b->network))));
            side->output =
                recipe->head == HD_HEAD_MASKED ? "probabilities of a masked token" : "probabilities of the next token";
            return;
        case HD_HEAD_CLASSIFY_TEXT:
            add_pooling(b);
            add_dense(b, HD_MODULE_POOLER, dense);
            add_head_norm(b);
            add_output(b);
            add_softmax(b, keep(b, "over %lld labels", (long long)recipe->labels));
            side->output = "label of the text";
            return;
        case HD_HEAD_CLASSIFY_TOKENS:
            add_dense(b, HD_MODULE_POOLER, dense);
            add_head_norm(b);
            add_output(b);
            if (recipe->crf)
                add_counted(b, HD_BOX_OUTPUT, "Conditional random field",
                            keep(b, "%s transitions", shape(b, recipe->labels, "×", recipe->labels)), HD_SHARED,
                            MODULES(HD_MODULE_CRF_TRANSITIONS, HD_MODULE_CRF_START, HD_MODULE_CRF_END));
            else
                add_softmax(b, keep(b, "over %lld labels", (long long)recipe->labels));
            side->output = "label of each token";
            return;
        case HD_HEAD_ANSWER:
            add_dense(b, HD_MODULE_POOLER, dense);
            add_head_norm(b);
            add_output(b);
            add_softmax(b, "over the tokens of the text");
            side->output = "start and end of the answer";
            return;
        case HD_HEADS:
            return;
    }
}

/* ---- details ---- */

static int64_t of_layer(const builder *b, hd_module module) {
    return count_modules(b, (int)b->which, MODULES(module), typical_layer(b));
}

static const char *rotary_note(builder *b) {
    const hd_side_recipe *side = b->side;
    int64_t columns = hd_side_rotary_width(side, b->recipe->width);
    if (side->positions != HD_POSITIONS_ROTARY) return "";
    if (columns == hd_side_head_width(side, b->recipe->width)) return "rotary positions";
    return keep(b, "rotary, %lld columns", (long long)columns);
}

static const char *scale_note(builder *b) {
    const hd_side_recipe *side = b->side;
    int64_t width = hd_side_head_width(side, b->recipe->width);
    float scale = hd_side_score_scale(side, b->recipe->width);
    char number[32];
    if (fabsf(scale * sqrtf((float)width) - 1) < 1e-6f) return keep(b, "÷ √%lld", (long long)width);
    if (fabsf(scale - 1) < 1e-7f) return "";
    hd_print_number(number, sizeof number, "%.4g", (double)scale);
    return keep(b, "× %s", number);
}

static void describe_attention(builder *b) {
    const hd_side_recipe *side = b->side;
    hd_attention_picture *a = &b->p->attention;
    char cap[32];
    *a = (hd_attention_picture){
        .layers = side->layers,
        .causal = b->which == HD_DECODER,
        .width = b->recipe->width,
        .heads = side->heads,
        .key_heads = hd_side_key_heads(side),
        .head_width = hd_side_head_width(side, b->recipe->width),
        .q = of_layer(b, HD_MODULE_Q),
        .k = of_layer(b, HD_MODULE_K),
        .v = of_layer(b, HD_MODULE_V),
        .out = of_layer(b, HD_MODULE_OUT),
        .norms = of_layer(b, HD_MODULE_Q_NORM) + of_layer(b, HD_MODULE_K_NORM),
        .norm = "",
        .rotary = rotary_note(b),
        .scale = scale_note(b),
        .unscaled = side->relative_positions ? "+ relative positions" : "",
        .added = side->position_buckets ? "+ position bias" : "",
        .cap = "",
    };
    if (side->query_key_norm != HD_QUERY_KEY_PLAIN)
        a->norm = side->query_key_norm == HD_QUERY_KEY_HEADS ? "norm of each head" : "norm of all heads";
    if (side->score_softcap > 0) {
        hd_print_number(cap, sizeof cap, "%.4g", (double)side->score_softcap);
        a->cap = keep(b, "capped at ±%s", cap);
    }
    a->mask = a->causal
                  ? side->window ? "mask: keys after the query, or out of its window" : "mask: keys after the query"
              : side->window ? "mask: keys out of the window"
                             : "";
}

static void describe_feed_forward(builder *b) {
    b->p->feed_forward = (hd_feed_forward_picture){.layers = b->side->layers,
                                                   .width = b->recipe->width,
                                                   .inner = b->side->ffn_width,
                                                   .up = of_layer(b, HD_MODULE_FFN_UP),
                                                   .gate = of_layer(b, HD_MODULE_FFN_GATE),
                                                   .down = of_layer(b, HD_MODULE_FFN_DOWN),
                                                   .activation = activation_name(b->side->activation)};
}

/* ---- the whole ---- */

static void build_side(builder *b, hd_network_side which) {
    const hd_recipe *recipe = b->recipe;
    bool both = hd_recipe_translates(recipe), recurrent = recipe->architecture == HD_RECURRENT;
    hd_side_picture *side = &b->p->side[which];
    b->which = which, b->side = &recipe->side[which];
    *side = (hd_side_picture){.title = which == HD_ENCODER ? "Encoder" : "Decoder", .layers = b->side->layers};
    if (!side->layers) return;
    side->input = !both ? "tokens of the text" : which == HD_ENCODER ? "source tokens" : "target tokens, shifted right";
    if (recurrent) {
        add_embedding(b);
        if (both && which == HD_DECODER) add_bridge(b);
        add_cells(b);
        if (both && which == HD_DECODER) add_combination(b);
        if (recipe->self_attends && which == HD_DECODER) add_self_attention(b);
    } else {
        add_input(b);
        add_layers(b);
        describe_attention(b);
        describe_feed_forward(b);
    }
    if (which == HD_DECODER || !both)
        add_head(b);
    else
        side->output = "encoder states";
}

static const char *title_of(builder *b, const char *type) {
    const hd_recipe *recipe = b->recipe;
    const char *kind = hd_recipe_translates(recipe)           ? "encoder–decoder"
                       : recipe->side[HD_DECODER].layers != 0 ? "decoder-only"
                                                              : "encoder-only";
    const char *memory = hd_recipe_translates(recipe) ? hd_choice_title(hd_memories, recipe->memory) : "";
    const char *count = count_of(b, b->p->parameters);
    if (recipe->architecture == HD_TRANSFORMER) return keep(b, "%s: %s Transformer, %s parameters", type, kind, count);
    return keep(b, "%s: %s %s%s%s, %s parameters", type, hd_choice_title(hd_cells, recipe->cell), kind,
                *memory ? ", " : "", memory, count);
}

heed_status hd_architecture_read(const hd_network *network, const char *type, const hd_picture_class *class,
                                 hd_architecture_picture **picture) {
    HD_TRY(hd_picture_open(network->context, class, sizeof **picture, picture));
    builder b = {.network = network, .recipe = &network->recipe, .p = *picture};
    b.p->recipe = network->recipe;
    for (int64_t i = 0; i < network->count; i++) b.p->parameters += hd_parameter_count(network->parameters[i]);
    for (int i = 0; i < HD_SIDES; i++) build_side(&b, (hd_network_side)i);
    b.p->title = title_of(&b, type);
    if (!b.failed) return HEED_OK;
    heed_picture_close(&b.p->picture);
    *picture = NULL;
    return HEED_MEMORY;
}
