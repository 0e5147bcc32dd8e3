/* The characteristic words of groups of texts. */
#ifndef HD_TASKS_GROUP_WORDS_H
#define HD_TASKS_GROUP_WORDS_H

#include "base/arena.h"

/* Of `count` groups, whose texts are those with their label (−1: none; NULL texts have no words), the `most` words with the
 * largest weight tf log(1 + A / f): tf is the word's share of the words of the group, f its number in all groups, and A the mean
 * number of words per group (c-TF-IDF: Grootendorst, 2022). A word must be at least twice as frequent in the group as in the
 * others. Words are lowercase runs of letters, marks, digits and connectors, of two characters at least. Of equal weights the
 * word with the lower bytes comes first. words [count, most] are in the arena, and NULL after a group's last. HEED_MEMORY. */
heed_status hd_group_words(heed_context *context, const char *const *texts, const size_t *sizes, const int32_t *labels,
                           size_t text_count, size_t count, size_t most, hd_arena *arena, const char **words);

#endif
