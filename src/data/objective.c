#include "data/objective.h"

#include "data/readers/readers.h"

#include <string.h>

const hd_objective hd_objectives[] = {
    [HD_OBJECTIVE_TRANSLATE] = {.name = "translate",
                                .head = HD_HEAD_LANGUAGE,
                                .encodes = true,
                                .decodes = true,
                                .metric = HD_METRIC_BLEU,
                                .read = hd_read_translations,
                                .draw = hd_draw_translation},
    [HD_OBJECTIVE_LANGUAGE] = {.name = "language",
                               .head = HD_HEAD_LANGUAGE,
                               .decodes = true,
                               .metric = HD_METRIC_LOSS,
                               .read = hd_read_language,
                               .draw = hd_draw_language},
    [HD_OBJECTIVE_MASKED] = {.name = "masked",
                             .head = HD_HEAD_MASKED,
                             .encodes = true,
                             .metric = HD_METRIC_LOSS,
                             .read = hd_read_masked,
                             .draw = hd_draw_masked},
    [HD_OBJECTIVE_CLASSIFY] = {.name = "classify",
                               .head = HD_HEAD_CLASSIFY_TEXT,
                               .encodes = true,
                               .metric = HD_METRIC_ACCURACY,
                               .read = hd_read_labelled},
    [HD_OBJECTIVE_TAG] = {.name = "tag",
                          .head = HD_HEAD_CLASSIFY_TOKENS,
                          .encodes = true,
                          .metric = HD_METRIC_SPAN_F1,
                          .read = hd_read_tagged},
};

static int32_t *ids(hd_pass *pass, int64_t count) { return hd_pass_alloc(pass, (size_t)count, sizeof(int32_t)); }

int64_t hd_asked_of(hd_objective_kind kind, const hd_pair *pair) {
    int64_t asked = 0;
    switch (kind) {
        case HD_OBJECTIVE_TRANSLATE:
            return pair->target_count;
        case HD_OBJECTIVE_LANGUAGE:
            return pair->target_count - 1;
        case HD_OBJECTIVE_CLASSIFY:
            return 1;
        default:
            for (int32_t i = 0; i < pair->target_count; i++) asked += pair->target[i] >= 0;
            return asked;
    }
}

/* Tokens that an example gives to the decoder. */
static int32_t fed_of(hd_objective_kind kind, const hd_pair *pair) {
    return kind == HD_OBJECTIVE_LANGUAGE ? pair->target_count - 1 : pair->target_count;
}

/* What the decoder is given and asked: the target behind the start token for the target; or, in a text by itself, each
 * token for the next one. */
static void lay_out_target(hd_objective_kind kind, int32_t start_token, const hd_pair *pair, int32_t *fed,
                           int32_t *wanted) {
    int32_t count = fed_of(kind, pair);
    bool shifts = kind == HD_OBJECTIVE_TRANSLATE;
    memcpy(wanted, pair->target + !shifts, (size_t)count * sizeof *wanted);
    if (shifts) *fed++ = start_token, count--;
    memcpy(fed, pair->target, (size_t)count * sizeof *fed);
}

bool hd_lay_out(hd_pass *pass, hd_objective_kind kind, int32_t start_token, const hd_pair *pairs, int64_t distinct,
                int64_t copies, hd_laid_out *out) {
    const hd_objective *objective = &hd_objectives[kind];
    int64_t count = copies * distinct, source_tokens = 0, target_tokens = 0, asked = 0;
    *out = (hd_laid_out){0};
    for (int64_t i = 0; i < distinct; i++) {
        source_tokens += copies * pairs[i].source_count;
        target_tokens += copies * fed_of(kind, &pairs[i]);
        asked += copies * hd_asked_of(kind, &pairs[i]);
    }
    bool by_row = !objective->decodes && kind != HD_OBJECTIVE_CLASSIFY;
    int32_t *source_starts = ids(pass, count + 1), *target_starts = ids(pass, count + 1);
    int32_t *text_starts = ids(pass, count + 1);
    out->wanted = ids(pass, asked);
    if (objective->encodes) out->source_ids = ids(pass, source_tokens);
    if (objective->decodes) out->fed = ids(pass, target_tokens);
    if (by_row) out->rows = ids(pass, asked);
    uint64_t *numbers = hd_pass_alloc(pass, (size_t)count, sizeof *numbers);
    if (pass->status != HEED_OK) return false;
    source_starts[0] = target_starts[0] = text_starts[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        hd_pair pair = pairs[i % distinct];
        numbers[i] = pair.number | (uint64_t)(i / distinct) << 63;
        source_starts[i + 1] = source_starts[i] + pair.source_count;
        target_starts[i + 1] = target_starts[i] + fed_of(kind, &pair);
        text_starts[i + 1] = text_starts[i] + (int32_t)hd_asked_of(kind, &pair);
        if (objective->encodes)
            memcpy(out->source_ids + source_starts[i], pair.source, (size_t)pair.source_count * sizeof(int32_t));
        if (objective->decodes) {
            lay_out_target(kind, start_token, &pair, out->fed + target_starts[i], out->wanted + target_starts[i]);
        } else if (kind == HD_OBJECTIVE_CLASSIFY) {
            out->wanted[i] = pair.target[0];
        } else {
            for (int32_t t = 0; t < pair.target_count; t++)
                if (pair.target[t] >= 0) {
                    out->rows[out->asked] = source_starts[i] + t;
                    out->wanted[out->asked++] = pair.target[t];
                }
        }
    }
    out->asked = asked;
    out->sources = (hd_layout){count, source_starts, numbers, NULL};
    out->targets = (hd_layout){count, target_starts, numbers, NULL};
    out->texts = (hd_layout){count, text_starts, numbers, NULL};
    return true;
}

/* Which rows of a text each row of those asked is one of: dropout above them goes by example and position. */
static hd_layout *layout_of_rows(hd_pass *pass, const hd_laid_out *batch) {
    int64_t n = batch->asked, s = 0;
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    int32_t *starts = ids(pass, n + 1), *positions = ids(pass, n);
    uint64_t *examples = hd_pass_alloc(pass, (size_t)n, sizeof *examples);
    if (!layout || !starts || !positions || !examples) return NULL;
    for (int64_t i = 0; i < n; i++) {
        while (batch->rows[i] >= batch->sources.starts[s + 1]) s++;
        starts[i] = (int32_t)i;
        positions[i] = batch->rows[i] - batch->sources.starts[s];
        examples[i] = hd_layout_example(&batch->sources, s);
    }
    starts[n] = (int32_t)n;
    *layout = (hd_layout){n, starts, examples, positions};
    return layout;
}

hd_tensor *hd_ask(const hd_network *network, hd_pass *pass, const hd_laid_out *batch) {
    hd_tensor *states = NULL;
    if (batch->source_ids)
        states = hd_network_encode(network, pass, &(hd_input){.ids = batch->source_ids}, &batch->sources);
    if (batch->fed) states = hd_network_decode(network, pass, &(hd_input){.ids = batch->fed}, &batch->targets, states);
    if (batch->rows && states) {
        const hd_layout *layout = layout_of_rows(pass, batch);
        states = layout ? hd_gather(pass, states, batch->rows, batch->asked, 1, layout) : NULL;
    }
    return hd_network_head(network, pass, states);
}
