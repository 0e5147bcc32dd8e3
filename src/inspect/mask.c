#include "inspect/mask.h"

#include <string.h>

static const hd_side_recipe *side_of(const hd_attention_map *map, const hd_recipe *recipe) {
    return &recipe->side[map->kind == HD_DECODER_ATTENTION ? HD_DECODER : HD_ENCODER];
}

/* Cross-attention has no mask. Decoders are causal. Layers with a window have a band. */
static bool has_mask(const hd_attention_map *map, const hd_recipe *recipe) {
    if (map->kind == HD_CROSS_ATTENTION) return false;
    return map->kind == HD_DECODER_ATTENTION || side_of(map, recipe)->window > 0;
}

static bool is_visible(const hd_attention_map *map, int64_t window, int64_t query, int64_t key) {
    if (map->kind == HD_DECODER_ATTENTION && key > query) return false;
    return !window || (query - window < key && key < query + window);
}

/* masked [query_count, key_count] of one layer. */
static void mask_layer(const hd_attention_map *map, int64_t window, const int32_t *query_word, const int32_t *key_word,
                       int64_t key_count, uint8_t *masked) {
    for (int64_t q = 0; q < map->queries; q++)
        for (int64_t k = 0; k < map->keys; k++)
            if (is_visible(map, window, q, k))
                masked[(query_word ? query_word[q] : q) * key_count + (key_word ? key_word[k] : k)] = 0;
}

static heed_status mark_special(hd_attention_map *map, const hd_words *keys, bool joined, hd_arena *arena) {
    int64_t count = joined ? keys->words : keys->tokens;
    uint8_t *special = hd_arena_alloc(arena, (size_t)count, 1);
    if (!special) return HEED_MEMORY;
    memset(special, 0, (size_t)count);
    for (int64_t i = 0; i < keys->tokens; i++)
        if (keys->spaced_word[i] < 0) special[joined ? keys->word[i] : i] = 1;
    map->special = special;
    return HEED_OK;
}

heed_status hd_attention_mask(hd_attention_map *map, const hd_recipe *recipe, const hd_words *queries,
                              const hd_words *keys, bool joined, hd_arena *arena) {
    HD_TRY(mark_special(map, keys, joined, arena));
    if (!has_mask(map, recipe)) return HEED_OK;
    int64_t key_count = joined ? keys->words : map->keys;
    int64_t cells = (joined ? queries->words : map->queries) * key_count;
    uint8_t *masked = hd_arena_alloc(arena, (size_t)(map->layers * cells), 1);
    if (!masked) return HEED_MEMORY;
    memset(masked, 1, (size_t)(map->layers * cells));
    for (int64_t l = 0; l < map->layers; l++)
        mask_layer(map, hd_side_window(side_of(map, recipe), l), joined ? queries->word : NULL,
                   joined ? keys->word : NULL, key_count, masked + l * cells);
    map->masked = masked;
    return HEED_OK;
}
