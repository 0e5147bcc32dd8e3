/* Prompts that begin with the same tokens: one request, the leader, computes the keys and values of these tokens, or the states
 * after them, and the others get copies. Requests whose sources are equal have them encoded once. */
#ifndef HD_DECODE_PREFIXES_H
#define HD_DECODE_PREFIXES_H

#include "decode/search.h"

/* Sets the leader of searches[index] to the one among those before it that has the most first tokens in common, at least
 * `least`, and from whose slot they can be copied; NULL: there is none. */
void hd_find_leader(const hd_decoder *decoder, hd_search *const *searches, int64_t index, int64_t least);
/* The most tokens that searches[index] may process in this step, so that its state can be copied for those that wait for it. */
int64_t hd_most_chunk(const hd_decoder *decoder, hd_search *const *searches, int64_t count, int64_t index);
/* Copies what the leader has processed for a search that waits, if it is all that they have in common. */
heed_status hd_share_prefix(hd_decoder *decoder, hd_search *search);

/* A search in place of one that has finished: it has the same slot and the tokens that were processed, so it can lead others, but
 * it is never stepped. `number` > 0 becomes `kept`. */
heed_status hd_keep_slot(hd_decoder *decoder, const hd_search *finished, int64_t number, hd_search **kept);

/* A search with a source, and the index of the first search with the same one. */
typedef struct hd_sourced {
    hd_search *search;
    int64_t index, first;
} hd_sourced;

/* Sorts searches [count], whose indices are set, such that those with equal sources are neighbours, and different sources have
 * the order of their first searches. Sets `first`. Returns the number of different sources. */
int64_t hd_group_sources(hd_sourced *searches, int64_t count);

#endif
