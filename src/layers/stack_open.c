/* Building a stack from its recipe: which parameters there are, their shapes, and their first values. */
#include "layers/positions.h"
#include "layers/stack.h"

#include <math.h>
#include <string.h>

/* What no model needs, and a damaged config may ask for: building it would take all memory, or hours. */
enum { MOST_LAYERS = 1 << 12, MOST_SINUSOIDS = 1 << 28 };

/* The parameter of this role, part and layer, declared now if it is new. Only tables are shared, and they are declared
 * before all others. */
static hd_parameter *declare(hd_stack *stack, hd_role role, hd_part part, int64_t layer, int64_t rows, int64_t columns,
                             int dimensions) {
    for (int64_t i = 0; i < stack->count && stack->slots[i].part == HD_WHOLE; i++) {
        const hd_slot *slot = &stack->slots[i];
        if (slot->role == role && slot->part == part && slot->layer == layer) return &stack->parameters[i];
    }
    hd_parameter *parameter = &stack->parameters[stack->count];
    stack->slots[stack->count++] = (hd_slot){role, part, layer};
    *parameter = (hd_parameter){.rows = rows, .columns = columns, .dimensions = dimensions};
    return parameter;
}

/* One statement a parameter: their order is the order of sums over all of them, and must not be the compiler's choice. */
static hd_linear_layer declare_linear(hd_stack *stack, hd_role role, int64_t layer, int64_t out, int64_t in) {
    hd_linear_layer linear;
    linear.weight = declare(stack, role, HD_WEIGHT, layer, out, in, 2);
    linear.bias = declare(stack, role, HD_BIAS, layer, 1, out, 1);
    return linear;
}

static hd_norm_layer declare_norm(hd_stack *stack, hd_role role, int64_t layer) {
    hd_norm_layer norm;
    norm.gain = declare(stack, role, HD_WEIGHT, layer, 1, stack->recipe.width, 1);
    norm.bias = declare(stack, role, HD_BIAS, layer, 1, stack->recipe.width, 1);
    return norm;
}

/* q, k, v, out and norm are five neighbouring roles; so are up, down and norm of a feed-forward layer. */
static hd_attention_layer declare_attention(hd_stack *stack, hd_role first, int64_t layer) {
    int64_t width = stack->recipe.width;
    hd_attention_layer attention;
    attention.q = declare_linear(stack, first, layer, width, width);
    attention.k = declare_linear(stack, first + 1, layer, width, width);
    attention.v = declare_linear(stack, first + 2, layer, width, width);
    attention.out = declare_linear(stack, first + 3, layer, width, width);
    attention.norm = declare_norm(stack, first + 4, layer);
    return attention;
}

static hd_ffn_layer declare_ffn(hd_stack *stack, hd_role first, int64_t layer, int64_t inner) {
    int64_t width = stack->recipe.width;
    hd_ffn_layer ffn;
    ffn.up = declare_linear(stack, first, layer, inner, width);
    ffn.down = declare_linear(stack, first + 1, layer, width, inner);
    ffn.norm = declare_norm(stack, first + 2, layer);
    return ffn;
}

static heed_status check(heed_context *context, const hd_recipe *r) {
    if (r->width % r->encoder_heads || r->width % r->decoder_heads)
        return hd_fail(context, HEED_UNSUPPORTED, "a width of %lld cannot be split into %lld and %lld heads",
                       (long long)r->width, (long long)r->encoder_heads, (long long)r->decoder_heads);
    if (r->encoder_layers > MOST_LAYERS || r->decoder_layers > MOST_LAYERS)
        return hd_fail(context, HEED_UNSUPPORTED, "%lld + %lld layers: heed builds up to %d of a kind",
                       (long long)r->encoder_layers, (long long)r->decoder_layers, MOST_LAYERS);
    if (r->positions == HD_POSITIONS_SINUSOIDAL && r->max_positions > MOST_SINUSOIDS / r->width)
        return hd_fail(context, HEED_UNSUPPORTED,
                       "%lld sinusoidal positions of width %lld: heed computes up to %d numbers",
                       (long long)r->max_positions, (long long)r->width, MOST_SINUSOIDS);
    if (r->pad >= r->vocabulary || r->eos < 0 || r->eos >= r->vocabulary || r->decoder_start < 0 ||
        r->decoder_start >= r->vocabulary)
        return hd_fail(context, HEED_FORMAT, "special ids (pad %d, end %d, start %d) lie outside a vocabulary of %lld",
                       r->pad, r->eos, r->decoder_start, (long long)r->vocabulary);
    return HEED_OK;
}

heed_status hd_stack_open(heed_context *context, const hd_recipe *recipe, hd_stack **out) {
    *out = NULL;
    HD_TRY(check(context, recipe));
    hd_stack *stack = hd_alloc_zeroed(context, 1, sizeof *stack);
    if (!stack) return HEED_MEMORY;
    stack->context = context;
    stack->recipe = *recipe;
    hd_arena_open(&stack->arena, context);
    size_t encoder = (size_t)recipe->encoder_layers, decoder = (size_t)recipe->decoder_layers;
    size_t most = 16 + 16 * encoder + 26 * decoder; /* parameters; see the roles */
    stack->parameters = hd_arena_alloc(&stack->arena, most, sizeof *stack->parameters);
    stack->slots = hd_arena_alloc(&stack->arena, most, sizeof *stack->slots);
    stack->encoder = hd_arena_alloc(&stack->arena, encoder, sizeof *stack->encoder);
    stack->decoder = hd_arena_alloc(&stack->arena, decoder, sizeof *stack->decoder);
    bool sinusoidal = recipe->positions == HD_POSITIONS_SINUSOIDAL;
    if (sinusoidal)
        stack->sinusoids =
            hd_arena_alloc(&stack->arena, (size_t)recipe->max_positions, (size_t)recipe->width * sizeof(float));
    if (!stack->parameters || !stack->slots || !stack->encoder || !stack->decoder ||
        (sinusoidal && !stack->sinusoids)) {
        hd_stack_close(stack);
        return HEED_MEMORY;
    }
    int64_t vocabulary = recipe->vocabulary, width = recipe->width;
    stack->source_embedding = declare(stack, HD_TOKEN_EMBEDDING, HD_WHOLE, 0, vocabulary, width, 2);
    stack->target_embedding = declare(stack, HD_TOKEN_EMBEDDING, HD_WHOLE, 0, vocabulary, width, 2);
    stack->output = declare(stack, HD_TOKEN_EMBEDDING, HD_WHOLE, 0, vocabulary, width, 2);
    if (recipe->output_bias) stack->output_bias = declare(stack, HD_OUTPUT_BIAS, HD_WHOLE, 0, 1, vocabulary, 2);
    if (sinusoidal) {
        hd_sinusoids(recipe->max_positions, width, stack->sinusoids);
    } else {
        stack->encoder_positions = declare(stack, HD_ENCODER_POSITIONS, HD_WHOLE, 0, recipe->max_positions, width, 2);
        stack->decoder_positions = declare(stack, HD_DECODER_POSITIONS, HD_WHOLE, 0, recipe->max_positions, width, 2);
    }
    for (int64_t i = 0; i < recipe->encoder_layers; i++) {
        stack->encoder[i].attention = declare_attention(stack, HD_ENCODER_Q, i);
        stack->encoder[i].ffn = declare_ffn(stack, HD_ENCODER_FFN_UP, i, recipe->encoder_ffn_width);
    }
    for (int64_t i = 0; i < recipe->decoder_layers; i++) {
        stack->decoder[i].attention = declare_attention(stack, HD_DECODER_Q, i);
        stack->decoder[i].cross = declare_attention(stack, HD_CROSS_Q, i);
        stack->decoder[i].ffn = declare_ffn(stack, HD_DECODER_FFN_UP, i, recipe->decoder_ffn_width);
    }
    if (recipe->pre_norm) {
        stack->encoder_final_norm = declare_norm(stack, HD_ENCODER_FINAL_NORM, 0);
        stack->decoder_final_norm = declare_norm(stack, HD_DECODER_FINAL_NORM, 0);
    }
    *out = stack;
    return HEED_OK;
}

void hd_stack_close(hd_stack *stack) {
    if (!stack) return;
    hd_arena_close(&stack->arena);
    hd_free(stack->context, stack);
}

static bool is_gain(hd_role role, hd_part part) {
    return part == HD_WEIGHT &&
           (role == HD_ENCODER_FINAL_NORM || role == HD_DECODER_FINAL_NORM || role == HD_ENCODER_ATTENTION_NORM ||
            role == HD_ENCODER_FFN_NORM || role == HD_DECODER_ATTENTION_NORM || role == HD_CROSS_NORM ||
            role == HD_DECODER_FFN_NORM);
}

static float first_value(const hd_stack *stack, const hd_parameter *p, const hd_slot *slot, hd_random_key key,
                         int64_t row, int64_t column) {
    uint64_t number = (uint64_t)slot->layer << 16 | (uint64_t)slot->role << 8 | (uint64_t)slot->part;
    if (slot->role == HD_OUTPUT_BIAS) return column == stack->recipe.pad ? -10000.0f : 0.0f;
    if (slot->part == HD_WHOLE) {
        if (slot->role == HD_TOKEN_EMBEDDING && row == stack->recipe.pad) return 0.0f;
        return hd_random_normal(key, (uint32_t)column, (uint32_t)row, number) / sqrtf((float)p->columns);
    }
    if (p->dimensions == 1) return is_gain(slot->role, slot->part) ? 1.0f : 0.0f;
    float bound = sqrtf(6.0f / (float)(p->rows + p->columns));
    return bound * (2.0f * hd_random_uniform(key, (uint32_t)column, (uint32_t)row, number) - 1.0f);
}

heed_status hd_stack_initialize(hd_stack *stack, uint64_t seed) {
    hd_random_key key = hd_random_key_make(seed, HD_RANDOM_INITIALIZE, 0);
    for (int64_t i = 0; i < stack->count; i++) {
        hd_parameter *p = &stack->parameters[i];
        p->data = hd_arena_alloc(&stack->arena, (size_t)hd_parameter_count(p), sizeof *p->data);
        if (!p->data) return HEED_MEMORY;
        for (int64_t r = 0; r < p->rows; r++)
            for (int64_t c = 0; c < p->columns; c++)
                p->data[r * p->columns + c] = first_value(stack, p, &stack->slots[i], key, r, c);
    }
    return HEED_OK;
}

void hd_stack_train(hd_stack *stack) {
    stack->gradient_count = 0;
    for (int64_t i = 0; i < stack->count; i++) {
        hd_parameter *p = &stack->parameters[i];
        p->trained = stack->slots[i].role != HD_OUTPUT_BIAS;
        if (!p->trained) continue;
        p->gradient_at = stack->gradient_count;
        stack->gradient_count += (hd_parameter_count(p) + 15) / 16 * 16; /* whole cache lines */
    }
}

heed_status hd_stack_pack(hd_stack *stack) {
    for (int64_t i = 0; i < stack->count; i++) {
        hd_role role = stack->slots[i].role;
        if (stack->parameters[i].dimensions == 1 || role == HD_OUTPUT_BIAS || role == HD_ENCODER_POSITIONS ||
            role == HD_DECODER_POSITIONS)
            continue;
        HD_TRY(hd_parameter_pack(stack->context, &stack->arena, &stack->parameters[i], HD_F32));
    }
    return HEED_OK;
}
