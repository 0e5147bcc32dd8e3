#include "decode/proposals.h"

enum {
    LONGEST_PAUSE = 64, /* steps */
    FIRST_PAUSE = 4,
    SHORTEST_MATCH = 2, /* tokens: single ones are followed by many others in prose */
    LONGEST_MATCH = 16
};

/* ---- the number of proposals ---- */

int64_t hd_proposal_count_next(hd_proposal_count *count, int64_t most) {
    if (count->paused > 0) {
        count->paused--;
        return 0;
    }
    return hd_min(count->tokens, most);
}

/* If all were right, twice as many are proposed next; else half of the way down to those that were. Where a single one is
 * wrong, proposals pause, for longer each time: then a text that cannot be guessed loses little. */
void hd_proposal_count_update(hd_proposal_count *count, int64_t proposed, int64_t accepted, int64_t most) {
    if (accepted == proposed) {
        count->tokens = hd_min(hd_max(count->tokens, 2 * proposed), hd_max(most, 1));
        count->pause /= 4;
        return;
    }
    count->tokens = hd_max((proposed + accepted) / 2, 1);
    if (proposed > 1) return;
    count->pause = hd_min(hd_max(2 * count->pause, FIRST_PAUSE), LONGEST_PAUSE);
    count->paused = count->pause;
}

/* ---- prompt lookup ---- */

/* The number of tokens that end both a [a_count] and b [b_count]. */
static int64_t common_ending(const int32_t *a, int64_t a_count, const int32_t *b, int64_t b_count) {
    int64_t most = hd_min(hd_min(a_count, b_count), LONGEST_MATCH), count = 0;
    while (count < most && a[a_count - 1 - count] == b[b_count - 1 - count]) count++;
    return count;
}

/* The end of the longest occurrence in text [count] of what ends tokens [length], the last of equally long ones; 0: none is
 * longer than *longest. */
static int64_t find_match(const int32_t *text, int64_t count, const int32_t *tokens, int64_t length, int64_t *longest) {
    int64_t found = 0;
    for (int64_t end = count; end > 0 && *longest < LONGEST_MATCH; end--) {
        if (text[end - 1] != tokens[length - 1]) continue;
        int64_t match = common_ending(text, end, tokens, length);
        if (match > *longest) *longest = match, found = end;
    }
    return found;
}

int64_t hd_lookup(const hd_ids *source, int32_t *tokens, int64_t length, int64_t most) {
    int64_t longest = SHORTEST_MATCH - 1, proposed = 0;
    int64_t own = find_match(tokens, length - 1, tokens, length, &longest);
    int64_t other = source->count ? find_match(source->ids, source->count - 1, tokens, length, &longest) : 0;
    if (other) {
        for (; proposed < most && other + proposed < source->count; proposed++)
            tokens[length + proposed] = source->ids[other + proposed];
    } else if (own) {
        /* past the last token go those that were proposed: the text may repeat itself */
        for (; proposed < most; proposed++) tokens[length + proposed] = tokens[own + proposed];
    }
    return proposed;
}
