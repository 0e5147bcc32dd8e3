/* Output layers: the rows of the last states that the output table scores. */
#include "layers/network.h"

static hd_slot head_slot(hd_module module, hd_part part, hd_use use) {
    return (hd_slot){HD_SHARED, module, .part = part, .use = use};
}

/* The output layer of a head that does not score the vocabulary. */
static void declare_classes(hd_network *network, hd_module module) {
    const hd_recipe *recipe = &network->recipe;
    int64_t classes = hd_network_classes(network);
    hd_slot table = head_slot(module, HD_WEIGHT, HD_USE_MATRIX), bias = head_slot(module, HD_BIAS, HD_USE_SHIFT);
    network->output = hd_network_declare(network, table, classes, hd_recipe_state_width(recipe), 2);
    network->output_bias = recipe->head_output_unbiased ? NULL : hd_network_declare(network, bias, 1, classes, 1);
}

static void declare_crf(hd_network *network) {
    int64_t labels = network->recipe.labels;
    hd_slot transitions = head_slot(HD_MODULE_CRF_TRANSITIONS, HD_WHOLE, HD_USE_SHIFT);
    hd_slot start = head_slot(HD_MODULE_CRF_START, HD_WHOLE, HD_USE_SHIFT);
    hd_slot end = head_slot(HD_MODULE_CRF_END, HD_WHOLE, HD_USE_SHIFT);
    network->crf.transitions = hd_network_declare(network, transitions, labels, labels, 2);
    network->crf.start = hd_network_declare(network, start, 1, labels, 1);
    network->crf.end = hd_network_declare(network, end, 1, labels, 1);
}

/* Columns that the head's dense layer computes: of a masked head as many as the table that scores them. */
static int64_t dense_width(const hd_recipe *recipe) {
    return recipe->head == HD_HEAD_MASKED ? hd_recipe_embedding_width(recipe) : hd_recipe_state_width(recipe);
}

static void declare_dense(hd_network *network, hd_module module) {
    const hd_recipe *recipe = &network->recipe;
    hd_slot dense = {HD_SHARED, module};
    hd_network_declare_linear(network, dense, dense_width(recipe), hd_recipe_state_width(recipe),
                              !recipe->head_dense_unbiased);
}

static void declare_norm(hd_network *network) {
    const hd_side_recipe *top = hd_recipe_top(&network->recipe);
    hd_slot norm = {HD_SHARED, HD_MODULE_HEAD_NORM};
    hd_network_declare_norm(network, norm, dense_width(&network->recipe), (hd_norm_kind)top->norm, top->norm_epsilon);
}

/* Scores the vocabulary where the embedding does not. */
static void declare_token_output(hd_network *network) {
    const hd_recipe *recipe = &network->recipe;
    hd_slot table = head_slot(HD_MODULE_TOKEN_OUTPUT, HD_WEIGHT, HD_USE_MATRIX);
    if (!recipe->untied) return;
    network->output =
        hd_network_declare(network, table, hd_recipe_target_vocabulary(recipe), hd_recipe_embedding_width(recipe), 2);
}

static void declare_masked(hd_network *network) {
    hd_slot bias = head_slot(HD_MODULE_OUTPUT_LEARNED_BIAS, HD_BIAS, HD_USE_SHIFT);
    declare_dense(network, HD_MODULE_HEAD_DENSE);
    declare_norm(network);
    if (!network->recipe.head_output_unbiased)
        network->output_bias = hd_network_declare(network, bias, 1, network->recipe.vocabulary, 1);
    declare_token_output(network);
}

static void declare_classifier(hd_network *network, hd_module output) {
    if (network->recipe.head_dense) declare_dense(network, HD_MODULE_POOLER);
    if (network->recipe.head_norm) declare_norm(network);
    declare_classes(network, output);
}

void hd_network_declare_head(hd_network *network) {
    const hd_recipe *recipe = &network->recipe;
    switch ((hd_head)recipe->head) {
        case HD_HEAD_LANGUAGE:
            declare_token_output(network);
            break;
        case HD_HEAD_MASKED:
            declare_masked(network);
            break;
        case HD_HEAD_CLASSIFY_TEXT:
            declare_classifier(network, HD_MODULE_TEXT_OUTPUT);
            break;
        case HD_HEAD_CLASSIFY_TOKENS:
            declare_classifier(network, HD_MODULE_OUTPUT);
            if (recipe->crf) declare_crf(network);
            break;
        case HD_HEAD_ANSWER:
            declare_classifier(network, HD_MODULE_ANSWER_OUTPUT);
            break;
        case HD_HEAD_NONE:
            if (recipe->head_dense) declare_dense(network, HD_MODULE_STORED_POOLER);
            if (!hd_recipe_scores_tokens(recipe)) network->output = NULL;
            break;
        case HD_HEADS:
            break;
    }
}

int64_t hd_network_classes(const hd_network *network) {
    const hd_recipe *recipe = &network->recipe;
    if (hd_head_classifies((hd_head)recipe->head)) return recipe->labels;
    if (recipe->head == HD_HEAD_ANSWER) return 2;
    int64_t tokens = hd_recipe_target_vocabulary(recipe);
    bool excluded = recipe->output_bias && recipe->pad == tokens - 1;
    return excluded ? recipe->pad : tokens;
}

/* The first or last row of each sequence; zeros for an empty one. With two directions, the first half of the last
 * row and the second half of the first, which are the last states of the two directions. */
static hd_tensor *end_rows(const hd_recipe *recipe, hd_pass *pass, hd_tensor *x, bool first) {
    int64_t sequences = x->layout->sequences, halves = !first && recipe->bidirectional ? 2 : 1;
    int32_t *rows = hd_pass_alloc(pass, (size_t)(halves * sequences), sizeof *rows);
    if (!rows) return NULL;
    for (int64_t s = 0; s < sequences; s++) {
        int64_t start = x->layout->starts[s], end = x->layout->starts[s + 1] - 1;
        for (int64_t half = 0; half < halves; half++) {
            int64_t row = first || half ? start : end;
            rows[halves * s + half] = (int32_t)(end < start ? -1 : halves * row + half);
        }
    }
    return hd_gather(pass, hd_reshape(pass, x, x->columns / halves), rows, halves * sequences, halves, NULL);
}

hd_tensor *hd_network_pool(const hd_network *network, hd_pass *pass, hd_tensor *states, hd_pooling pooling) {
    if (!states) return NULL;
    return pooling == HD_POOL_MEAN ? hd_mean(pass, states)
                                   : end_rows(&network->recipe, pass, states, pooling == HD_POOL_FIRST);
}

int64_t hd_recipe_last_row(const hd_recipe *recipe, const int32_t *ids, int64_t count) {
    bool translates = hd_recipe_translates(recipe);
    for (int64_t i = count - 1; i >= 0; i--)
        if (translates ? ids[i] == recipe->eos : ids[i] != recipe->pad) return i;
    return translates ? count - 1 : 0;
}

hd_tensor *hd_network_select_pooled(const hd_network *network, hd_pass *pass, hd_tensor *states, const int32_t *ids) {
    const hd_recipe *recipe = &network->recipe;
    bool pooled = recipe->head == HD_HEAD_CLASSIFY_TEXT && recipe->pooling == HD_POOL_LAST;
    if (!states || !pooled || recipe->architecture != HD_TRANSFORMER) return states;
    const hd_layout *texts = states->layout;
    int64_t count = texts->sequences;
    int32_t *rows = hd_pass_alloc(pass, (size_t)count, sizeof *rows);
    int32_t *starts = hd_pass_alloc(pass, (size_t)count + 1, sizeof *starts);
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    if (!rows || !starts || !layout) return NULL;
    for (int64_t s = 0; s < count; s++) {
        int32_t start = texts->starts[s], size = texts->starts[s + 1] - start;
        rows[s] = size ? start + (int32_t)hd_recipe_last_row(recipe, ids + start, size) : -1;
        starts[s] = (int32_t)s;
    }
    starts[count] = (int32_t)count;
    *layout = (hd_layout){count, starts, texts->examples, NULL};
    return hd_gather(pass, states, rows, count, 1, layout);
}

/* Each row of pooled states as a text of its own. */
static hd_tensor *lay_out_pooled(hd_pass *pass, hd_tensor *x, const hd_layout *texts) {
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    int32_t *starts = hd_pass_alloc(pass, (size_t)texts->sequences + 1, sizeof *starts);
    if (!x || !layout || !starts) return NULL;
    for (int64_t s = 0; s <= texts->sequences; s++) starts[s] = (int32_t)s;
    *layout = (hd_layout){texts->sequences, starts, texts->examples, NULL};
    x->layout = layout;
    return x;
}

hd_tensor *hd_network_head(const hd_network *network, hd_pass *pass, hd_tensor *states) {
    const hd_recipe *recipe = &network->recipe;
    const hd_module_weights *layer = hd_network_layer(network, HD_SHARED, 0);
    const hd_module_weights *dense = &layer[recipe->head == HD_HEAD_MASKED ? HD_MODULE_HEAD_DENSE : HD_MODULE_POOLER];
    hd_tensor *x = states;
    if (!states) return NULL;
    if (recipe->head == HD_HEAD_CLASSIFY_TEXT) x = hd_network_pool(network, pass, x, (hd_pooling)recipe->pooling);
    if (dense->weight) x = hd_apply(pass, dense, x, (hd_activation)recipe->head_activation);
    x = hd_apply_norm(pass, &layer[HD_MODULE_HEAD_NORM], x);
    if (recipe->head == HD_HEAD_CLASSIFY_TEXT) x = lay_out_pooled(pass, x, states->layout);
    if (!hd_head_classifies((hd_head)recipe->head)) return x;
    return hd_dropout_add(pass, x, NULL, recipe->dropout, hd_dropout_site(HD_SHARED, 0, HD_SITE_HEAD, HD_SITE_OUTPUT));
}

heed_status hd_network_loss(const hd_network *network, hd_pass *pass, hd_tensor *rows, const int32_t *targets,
                            const hd_layout *texts, const hd_cross_entropy_options *options, double *loss) {
    hd_module_weights output = {.weight = network->output, .bias = network->output_bias};
    if (network->recipe.head == HD_HEAD_ANSWER) {
        hd_tensor *ends = hd_apply(pass, &output, hd_scale_states(network, pass, rows), HD_IDENTITY);
        return ends ? hd_ends_loss(pass, ends, targets, rows->layout, options->scale, loss) : pass->status;
    }
    if (!network->recipe.crf) {
        hd_cross_entropy_options capped = *options;
        capped.soft_cap = hd_recipe_soft_cap(&network->recipe);
        return hd_cross_entropy(pass, hd_scale_states(network, pass, rows), network->output, targets, &capped, loss);
    }
    hd_tensor *logits = hd_apply(pass, &output, rows, HD_IDENTITY);
    return hd_crf_loss(pass, logits, &network->crf, targets, texts, options->scale, loss);
}

heed_status hd_network_choose(const hd_network *network, hd_pass *pass, const hd_tensor *logits, const hd_layout *texts,
                              int32_t *chosen) {
    if (!logits) return pass->status;
    if (network->recipe.crf) return hd_crf_best(pass, logits, &network->crf, texts, chosen);
    const float *numbers = hd_pass_download(pass, logits->data, hd_tensor_count(logits));
    if (!numbers) return pass->status;
    for (int64_t r = 0; r < logits->rows; r++) {
        const float *row = numbers + r * logits->columns;
        chosen[r] = 0;
        for (int64_t j = 1; j < logits->columns; j++)
            if (row[j] > row[chosen[r]]) chosen[r] = (int32_t)j;
    }
    return HEED_OK;
}
