#include "decode/forced.h"

#include <string.h>

heed_status hd_forced_open(const hd_forced_words *forced, hd_arena *arena, hd_forced_state *state) {
    *state = (hd_forced_state){.forced = forced, .begun = -1};
    for (int64_t i = 0; i < forced->words.count; i++)
        state->longest = hd_max(state->longest, forced->words.starts[i + 1] - forced->words.starts[i]);
    state->missing = hd_arena_alloc(arena, (size_t)forced->count, sizeof *state->missing);
    state->beginning = hd_arena_alloc(arena, (size_t)state->longest, sizeof *state->beginning);
    return state->missing && state->beginning ? HEED_OK : HEED_MEMORY;
}

void hd_forced_copy(const hd_forced_state *from, hd_forced_state *to) {
    hd_forced_state copy = *from;
    copy.missing = memcpy(to->missing, from->missing, (size_t)from->missing_count * sizeof *to->missing);
    copy.beginning = memcpy(to->beginning, from->beginning, (size_t)from->matched * sizeof *to->beginning);
    *to = copy;
}

bool hd_forced_is_complete(const hd_forced_state *s) { return s->complete == s->forced->count; }

/* The token of word `w` after a beginning; −1 if it does not begin so, or has no more tokens. */
static int32_t next_of_word(const hd_sequences *words, int32_t w, const int32_t *beginning, int64_t matched) {
    const int32_t *word = words->ids + words->starts[w];
    if (words->starts[w + 1] - words->starts[w] <= matched) return -1;
    return matched == 0 || memcmp(word, beginning, (size_t)matched * sizeof *word) == 0 ? word[matched] : -1;
}

/* Appends the different tokens of a group's words after a beginning to tokens [count]; returns the new count. */
static int64_t list_next(const hd_forced_state *s, int32_t group, const int32_t *beginning, int64_t matched,
                         int32_t *tokens, int64_t count) {
    const hd_forced_words *f = s->forced;
    hd_ids listed = {tokens + count, 0};
    for (int32_t w = f->starts[group]; w < f->starts[group + 1]; w++) {
        int32_t token = next_of_word(&f->words, w, beginning, matched);
        if (token >= 0 && !hd_ids_have(&listed, token)) tokens[count + listed.count++] = token;
    }
    return count + listed.count;
}

static bool group_continues(const hd_forced_state *s, int32_t group, const int32_t *beginning, int64_t matched,
                            int32_t token) {
    const hd_forced_words *f = s->forced;
    for (int32_t w = f->starts[group]; w < f->starts[group + 1]; w++)
        if (next_of_word(&f->words, w, beginning, matched) == token) return true;
    return false;
}

/* Whether the beginning of a word of the group is a whole word. */
static bool is_whole(const hd_forced_state *s, int32_t group) {
    const hd_forced_words *f = s->forced;
    for (int32_t w = f->starts[group]; w < f->starts[group + 1]; w++)
        if (next_of_word(&f->words, w, s->beginning, s->matched) >= 0) return false;
    return true;
}

/* Adds a token to the beginning of a word of the group. */
static void advance(hd_forced_state *s, int32_t group, int32_t token) {
    s->begun = group;
    s->beginning[s->matched++] = token;
    if (!is_whole(s, group)) return;
    s->complete++;
    s->begun = -1;
    s->matched = 0;
}

bool hd_forced_continues(const hd_forced_state *s, int32_t token) {
    return s->begun >= 0 && group_continues(s, s->begun, s->beginning, s->matched, token);
}

void hd_forced_add(hd_forced_state *s, int32_t token) {
    if (hd_forced_continues(s, token)) {
        advance(s, s->begun, token);
        return;
    }
    if (s->begun >= 0) {
        s->missing[s->missing_count++] = s->begun;
        s->begun = -1;
        s->matched = 0;
        return;
    }
    for (int64_t i = 0; i < s->missing_count; i++) {
        int32_t group = s->missing[i];
        if (!group_continues(s, group, NULL, 0, token)) continue;
        s->missing_count--;
        memmove(s->missing + i, s->missing + i + 1, (size_t)(s->missing_count - i) * sizeof *s->missing);
        advance(s, group, token);
        return;
    }
}

void hd_forced_read(hd_forced_state *s, const int32_t *tokens, int64_t count) {
    s->complete = s->matched = 0;
    s->begun = -1;
    s->missing_count = s->forced->count;
    for (int32_t i = 0; i < s->missing_count; i++) s->missing[i] = i;
    for (int64_t i = 0; i < count && !hd_forced_is_complete(s); i++) hd_forced_add(s, tokens[i]);
}

static int64_t longest_of(const hd_forced_words *f, int32_t group) {
    int64_t longest = 0;
    for (int32_t w = f->starts[group]; w < f->starts[group + 1]; w++)
        longest = hd_max(longest, f->words.starts[w + 1] - f->words.starts[w]);
    return longest;
}

int64_t hd_forced_bank(const hd_forced_state *s) {
    int64_t bank = s->complete * s->longest;
    return s->begun < 0 ? bank : bank + s->longest - (longest_of(s->forced, s->begun) - s->matched);
}

int64_t hd_forced_next(const hd_forced_state *s, int32_t *tokens) {
    if (s->begun >= 0) return list_next(s, s->begun, s->beginning, s->matched, tokens, 0);
    int64_t count = 0;
    for (int64_t i = 0; i < s->missing_count; i++) count = list_next(s, s->missing[i], NULL, 0, tokens, count);
    return count;
}
