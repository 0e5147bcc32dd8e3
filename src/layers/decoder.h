/* What decoding needs of a model, and all it knows of one: add, step, reorder, rewind. The transformer stack and the
 * recurrent one stand behind it, so one beam search serves both. */
#ifndef HD_LAYERS_DECODER_H
#define HD_LAYERS_DECODER_H

#include "layers/network.h"

typedef struct hd_decoder_class {
    /* Encodes the sources: each gets a slot after those that there are, which has seen nothing yet. A decoder alone takes
     * no ids here, only how many sequences there are: they are its first steps. */
    heed_status (*add)(hd_decoder *decoder, const int32_t *ids, const hd_layout *sources);
    /* Feeds sequence i of `layout` (one token or many) to slot i. */
    heed_status (*step)(hd_decoder *decoder, const int32_t *ids, const hd_layout *layout);
    /* After a step: logits [slots, count] of the tokens from `first`, a multiple of 32, after each slot's last token; good
     * until the next call. They can be had some tokens at a time, so that they need not leave the cache. */
    heed_status (*logits)(hd_decoder *decoder, int64_t first, int64_t count, float **logits);
    /* Slot i becomes a copy of slot parents[i]; there are `count` slots afterwards, 0 or more. */
    heed_status (*reorder)(hd_decoder *decoder, const int32_t *parents, int64_t count);
    /* The slot forgets all but the first `length` tokens it was fed; NULL where states cannot be taken back, and need not
     * be: what goes on with a text has then no end of its window. */
    void (*rewind)(hd_decoder *decoder, int64_t slot, int64_t length);
    void (*close)(hd_decoder *decoder);
} hd_decoder_class;

struct hd_decoder {
    const hd_decoder_class *class;
    heed_context *context;
    int64_t vocabulary, max_positions;
    int64_t window; /* tokens that a slot can see: its positions, or INT64_MAX where a state carries them on */
    bool continues; /* what it is given is not encoded but gone on with */
    int32_t start, eos,
        pad; /* the token that begins a target, the one that ends it, the one that is never made; or −1 */
};

/* What every session says of itself. */
static inline hd_decoder hd_decoder_of(const hd_decoder_class *class, heed_context *context, const hd_recipe *recipe) {
    return (hd_decoder){.class = class,
                        .context = context,
                        .vocabulary = recipe->vocabulary,
                        .max_positions = hd_recipe_max_positions(recipe),
                        .window = hd_recipe_longest(recipe),
                        .continues = recipe->side[HD_ENCODER].layers == 0,
                        .start = recipe->decoder_start,
                        .eos = recipe->eos,
                        .pad = recipe->pad};
}

#endif
