#include "data/batch.h"

#include <string.h>

static int32_t *ids(hd_pass *pass, int64_t count) { return hd_pass_alloc(pass, (size_t)count, sizeof(int32_t)); }

static int64_t decoder_count(const hd_objective *objective, const hd_pair *pair) {
    return objective->decoder_count ? objective->decoder_count(pair) : 0;
}

/* The arrays that the examples are written to; *batch is zero. */
static bool make_room(hd_pass *pass, const hd_objective *objective, const hd_pair *pairs, int64_t distinct,
                      int64_t copies, hd_batch *batch) {
    int64_t source_tokens = 0, decoder_tokens = 0;
    for (int64_t i = 0; i < distinct; i++) {
        source_tokens += copies * pairs[i].source_count;
        decoder_tokens += copies * decoder_count(objective, &pairs[i]);
        batch->target_count += copies * objective->target_count(&pairs[i]);
    }
    batch->targets = ids(pass, batch->target_count);
    if (objective->encodes) batch->source_ids = ids(pass, source_tokens);
    if (objective->typed) batch->types = ids(pass, source_tokens);
    if (objective->decodes) batch->decoder_ids = ids(pass, decoder_tokens);
    if (objective->by_row) batch->rows = ids(pass, batch->target_count);
    return pass->status == HEED_OK;
}

bool hd_batch_make(hd_pass *pass, const hd_objective *objective, int32_t start_token, const hd_pair *pairs,
                   int64_t distinct, int64_t copies, hd_batch *batch) {
    *batch = (hd_batch){0};
    int64_t count = copies * distinct;
    int32_t *sources = ids(pass, count + 1), *decoded = ids(pass, count + 1), *texts = ids(pass, count + 1);
    uint64_t *numbers = hd_pass_alloc(pass, (size_t)count, sizeof *numbers);
    if (!make_room(pass, objective, pairs, distinct, copies, batch)) return false;
    sources[0] = decoded[0] = texts[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        const hd_pair *pair = &pairs[i % distinct];
        numbers[i] = pair->number | (uint64_t)(i / distinct) << 63;
        sources[i + 1] = sources[i] + pair->source_count;
        decoded[i + 1] = decoded[i] + (int32_t)decoder_count(objective, pair);
        texts[i + 1] = texts[i] + (int32_t)objective->target_count(pair);
        if (objective->encodes)
            memcpy(batch->source_ids + sources[i], pair->source, (size_t)pair->source_count * sizeof(int32_t));
        hd_target_room room = {.start_token = start_token,
                               .first_row = sources[i],
                               .targets = batch->targets + texts[i],
                               .types = batch->types ? batch->types + sources[i] : NULL,
                               .decoder_ids = batch->decoder_ids ? batch->decoder_ids + decoded[i] : NULL,
                               .rows = batch->rows ? batch->rows + texts[i] : NULL};
        objective->write(pair, &room);
    }
    batch->sources = (hd_layout){count, sources, numbers, NULL};
    batch->decoded = (hd_layout){count, decoded, numbers, NULL};
    batch->texts = (hd_layout){count, texts, numbers, NULL};
    return true;
}

/* The example and position of each chosen row, which key its dropout: each row is one sequence. */
static hd_layout *layout_of_rows(hd_pass *pass, const hd_batch *batch) {
    int64_t n = batch->target_count, s = 0;
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

hd_tensor *hd_batch_forward(const hd_network *network, hd_pass *pass, const hd_batch *batch) {
    const hd_input source = {.ids = batch->source_ids, .types = batch->types};
    hd_tensor *states = NULL;
    if (batch->source_ids && !batch->decoder_ids)
        states = hd_network_read(network, pass, &source, &batch->sources, NULL);
    else if (batch->source_ids)
        states = hd_network_encode(network, pass, &source, &batch->sources);
    if (batch->decoder_ids)
        states = hd_network_decode(network, pass, &(hd_input){.ids = batch->decoder_ids}, &batch->decoded, states);
    if (batch->rows && states) {
        const hd_layout *layout = layout_of_rows(pass, batch);
        states = layout ? hd_gather(pass, states, batch->rows, batch->target_count, 1, layout) : NULL;
    }
    if (batch->source_ids && !batch->decoder_ids && !batch->rows)
        states = hd_network_select_pooled(network, pass, states, batch->source_ids);
    return hd_network_head(network, pass, states);
}
