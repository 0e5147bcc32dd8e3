/* How the examples of each objective are read from files (hd_corpus_reader), and their random part in an epoch
 * (hd_corpus_drawer). One file each. */
#ifndef HD_DATA_READERS_H
#define HD_DATA_READERS_H

#include "data/corpus.h"

/* translations.c: line i of one file and line i of the other. */
heed_status hd_read_translations(hd_corpus_builder *builder);
heed_status hd_draw_translation(hd_corpus *corpus, uint64_t epoch, hd_arena *arena, hd_pair *pair);
/* language.c: a text, a whole file as one or one per line. */
heed_status hd_read_language(hd_corpus_builder *builder);
heed_status hd_draw_language(hd_corpus *corpus, uint64_t epoch, hd_arena *arena, hd_pair *pair);
/* The token between texts, or −1; and the ids of a text between two of them. */
int32_t hd_text_end(const heed_tokenizer *tokenizer);
heed_status hd_enclose_text(const hd_encoding *encoding, int32_t end, hd_buffer *ids);

/* A file as one text. Its first token is an input alone: bytes and characters are those of the tokens after it. */
typedef struct hd_whole_text {
    hd_buffer ids; /* int32 */
    uint64_t bytes, characters;
} hd_whole_text;

/* Reads on to the end. The ids are the caller's to close, after success and failure alike. */
heed_status hd_read_whole_text(heed_context *context, const heed_tokenizer *tokenizer, hd_lines *lines,
                               hd_encoding *room, hd_whole_text *text);
/* masked.c: lines of text, of which words are masked. */
heed_status hd_read_masked(hd_corpus_builder *builder);
heed_status hd_draw_masked(hd_corpus *corpus, uint64_t epoch, hd_arena *arena, hd_pair *pair);
/* labelled.c: lines of text, and a label for each in the other file. */
heed_status hd_read_labelled(hd_corpus_builder *builder);
/* tagged.c: a word and its label per line, an empty line after each sentence. */
heed_status hd_read_tagged(hd_corpus_builder *builder);
/* answered.c: questions about contexts, with their answers (questions.h). */
heed_status hd_read_questions(hd_corpus_builder *builder);

#endif
