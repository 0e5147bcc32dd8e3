#include "inspect/align.h"

#include "inspect/capture.h"
#include "inspect/words.h"
#include "layers/recurrent.h"

#include <string.h>

/* Of a text and its translation: 512 MiB. */
enum { MOST_WEIGHTS = 1 << 27 };

static bool attends_to_source(const hd_recipe *recipe) {
    return hd_recipe_translates(recipe) && (recipe->architecture == HD_TRANSFORMER || hd_recipe_attends(recipe));
}

heed_status hd_align_layer(const heed_model *model, int64_t requested, int64_t *layer) {
    const hd_recipe *recipe = &model->network->recipe;
    if (!attends_to_source(recipe))
        return hd_fail(model->context, HEED_UNSUPPORTED, "the model's decoder does not attend to the source");
    int64_t layers = recipe->architecture == HD_TRANSFORMER ? recipe->side[HD_DECODER].layers : 1;
    if (requested > layers)
        return hd_fail(model->context, HEED_ARGUMENT, "alignment-layer is %lld, but there are %lld",
                       (long long)requested, (long long)layers);
    *layer = requested ? requested : hd_max(layers - 1, 1);
    return HEED_OK;
}

/* Pairs each target word with the source word of the largest weight in weights [targets, sources]; a target word
 * without a row has none. */
static void append_pairs(const float *weights, int64_t targets, int64_t sources, const hd_align_options *options,
                         hd_buffer *out) {
    const char *between = "";
    for (int64_t t = 0; t < hd_min(targets, options->most); t++) {
        const float *row = weights + t * sources;
        int64_t best = options->skipped;
        for (int64_t s = best + 1; s < sources; s++)
            if (row[s] > row[best]) best = s;
        if (!(row[best] > 0)) continue;
        hd_buffer_format(out, "%s%lld-%lld", between, (long long)(best - options->skipped), (long long)t);
        between = " ";
    }
}

/* Row i of the cross-attention predicts target token i, and the last one the end token. */
static heed_status append_alignment(const hd_capture *capture, const hd_align_options *options, const hd_words *source,
                                    const hd_words *target, hd_arena *arena, hd_buffer *out) {
    hd_attention_map map;
    HD_TRY(hd_capture_map(capture, HD_CROSS_ATTENTION, arena, &map));
    float *mean = hd_arena_alloc(arena, (size_t)(map.queries * map.keys), sizeof *mean);
    float *joined = hd_arena_alloc(arena, (size_t)(target->spaced_words * source->spaced_words), sizeof *joined);
    if (!mean || !joined) return HEED_MEMORY;
    hd_attention_mean(&map, options->layer - 1, -1, mean);
    hd_join_weights(mean, target->tokens, map.keys, target->spaced_word, target->spaced_words, source->spaced_word,
                    source->spaced_words, joined);
    if (source->spaced_words > options->skipped)
        append_pairs(joined, target->spaced_words, source->spaced_words, options, out);
    return out->failed ? HEED_MEMORY : HEED_OK;
}

heed_status hd_align(heed_context *context, const heed_model *model, const hd_side_tokenizer side[HD_SIDES],
                     int32_t start, const hd_align_options *options, const char *text, size_t size,
                     const int32_t *target, int64_t count, hd_buffer *out) {
    hd_arena arena;
    hd_capture capture;
    hd_words source_words, target_words;
    hd_encoding source = {0};
    hd_arena_open(&arena, context);
    hd_capture_open(&capture, context);
    int32_t *decoder_ids = hd_arena_alloc(&arena, (size_t)count + 1, sizeof *decoder_ids);
    heed_status status = decoder_ids ? hd_side_encode(&side[HD_ENCODER], context, text, size, &source) : HEED_MEMORY;
    if (status == HEED_OK) {
        decoder_ids[0] = start;
        if (count) memcpy(decoder_ids + 1, target, (size_t)count * sizeof *decoder_ids);
        /* a target as long as the model allows has no row for the end token */
        int64_t rows = hd_min(count + 1, hd_recipe_longest(&model->network->recipe)), tokens = (int64_t)source.count;
        status = tokens <= MOST_WEIGHTS / rows
                     ? hd_capture_run(&capture, model->network, source.ids, tokens, decoder_ids, rows)
                     : hd_fail(context, HEED_LENGTH, "%lld tokens are too many to align with %lld", (long long)tokens,
                               (long long)count);
    }
    if (status == HEED_OK)
        status = hd_words_of_text(side[HD_ENCODER].tokenizer, text, size, &source, &arena, &source_words);
    if (status == HEED_OK) status = hd_words_of_ids(side[HD_DECODER].tokenizer, target, count, &arena, &target_words);
    if (status == HEED_OK) status = append_alignment(&capture, options, &source_words, &target_words, &arena, out);
    hd_encoding_close(&source);
    hd_capture_close(&capture);
    hd_arena_close(&arena);
    return status;
}
