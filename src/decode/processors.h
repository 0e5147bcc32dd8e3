/* Logits processors, with transformers' names, order and arithmetic. Most only ban tokens from coming next: their
 * tokens are collected before a step is scored, and the scoring leaves them out. The others need all scores of a row.
 * The repetition penalty is part of the scoring (score.c) unless another processor needs the row. */
#ifndef HD_DECODE_PROCESSORS_H
#define HD_DECODE_PROCESSORS_H

#include "decode/search.h"

/* Whether a processor needs all scores of a row, as sampling does. */
bool hd_needs_row(const hd_generation *generation);
/* Whether a processor reads the source. */
bool hd_reads_source(const hd_generation *generation);
/* Sets the tokens that may not follow scoring->tokens. */
heed_status hd_find_banned(const hd_search *search, hd_arena *arena, hd_scoring *scoring);
/* Processes the rows of the search's scorings, if they have them, and finds the best continuations, unless they are
 * sampled. */
heed_status hd_process_rows(const hd_search *search, int64_t vocabulary, hd_arena *arena);

#endif
