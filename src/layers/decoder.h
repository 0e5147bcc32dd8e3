/* What decoding needs of a network, and all it depends on: add, step, logits, reorder, rewind, copy. The transformer stack
 * and the recurrent network implement it, so one beam search serves both.
 *
 * A slot is one hypothesis. The copies of a slot, which share a source, are neighbours; reorder keeps them so. */
#ifndef HD_LAYERS_DECODER_H
#define HD_LAYERS_DECODER_H

#include "layers/network.h"
#include "layers/rotary.h"

typedef struct hd_decoder_class {
    /* Encodes the sources: each gets a slot after those that there are, without any target token yet. A decoder-only
     * network needs no ids here, only the number of sequences: prompts are steps. */
    heed_status (*add)(hd_decoder *decoder, const int32_t *ids, const hd_layout *sources);
    /* Forward of sequence i of `layout` through slot i: no token, one or many, but at least one of all slots together. The
     * layout may state the length of each slot's text, which is longer than what the slot has processed while a prompt is
     * processed in parts; it stays the same until the slot is rewound to 0.
     * `scored` [scores] are the slots whose next token is to be predicted, in ascending order. A slot that is there n times
     * has at least n tokens here: a token is predicted after each of the last n. */
    heed_status (*step)(hd_decoder *decoder, const int32_t *ids, const hd_layout *layout, const int32_t *scored,
                        int64_t scores);
    /* After a step: device logits [scores, count] of the tokens from `first`, a multiple of 32, after each scored token. The caller may overwrite them; they are valid until the next call. Computed some tokens at a time, they
     * need not leave the CPU's cache. */
    heed_status (*logits)(hd_decoder *decoder, int64_t first, int64_t count, float **logits);
    /* Slot i becomes a copy of slot parents[i]; there are `count` slots afterwards, 0 or more. */
    heed_status (*reorder)(hd_decoder *decoder, const int32_t *parents, int64_t count);
    /* The slot keeps its first `length` tokens alone; NULL where states cannot be taken back: such a decoder has no end of
     * its window. */
    void (*rewind)(hd_decoder *decoder, int64_t slot, int64_t length);
    /* Slot `to`, which has no token yet, gets the first `length` tokens of slot `from`, as if it had processed them. Without
     * rewind, `length` is the number of tokens that slot `from` has processed. Neither slot shares its source with others. */
    heed_status (*copy)(hd_decoder *decoder, int64_t from, int64_t to, int64_t length);
    /* What a slot has processed, as numbers that a file can have: `saved_count` floats for `length` tokens. */
    int64_t (*saved_count)(const hd_decoder *decoder, int64_t length);
    /* Writes those of a slot to host memory. Waits. */
    heed_status (*save)(hd_decoder *decoder, int64_t slot, float *saved);
    /* A slot without tokens gets what was saved of one that had processed `length` tokens of the same source. `saved` may have
     * any alignment. */
    heed_status (*load)(hd_decoder *decoder, int64_t slot, int64_t length, const void *saved);
    void (*close)(hd_decoder *decoder);
} hd_decoder_class;

struct hd_decoder {
    const hd_decoder_class *class;
    heed_context *context;
    hd_stream *stream; /* on which all of it is computed */
    int64_t source_vocabulary, vocabulary, max_positions;
    int64_t window; /* tokens visible to a slot: its positions, or INT64_MAX without a limit (hd_recipe_longest) */
    int64_t turn;   /* rotary positions of texts up to this length differ from those of longer ones; or INT64_MAX */
    bool continues; /* decoder-only: the input is not encoded but continued */
};

/* The common fields of every decoder. */
static inline hd_decoder hd_decoder_of(const hd_decoder_class *class, heed_context *context, const hd_recipe *recipe) {
    return (hd_decoder){.class = class,
                        .context = context,
                        .source_vocabulary = recipe->vocabulary,
                        .vocabulary = hd_recipe_target_vocabulary(recipe),
                        .max_positions = hd_recipe_max_positions(recipe),
                        .window = hd_recipe_longest(recipe),
                        .turn = hd_rotary_turn(&recipe->side[HD_DECODER]),
                        .continues = recipe->side[HD_ENCODER].layers == 0};
}

#endif
