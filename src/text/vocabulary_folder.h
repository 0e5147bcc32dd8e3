/* Tokenizers of folders without a tokenizer.json that are not SentencePiece's: WordPiece with a vocab.txt, byte-level
 * byte-pair encoding with a vocab.json and a merges.txt, and ByT5's bytes, which need no file. The classes of transformers
 * 5.24 that tokenizer_config.json or config.json names, or that belong to the model's type, add the rest. */
#ifndef HD_TEXT_VOCABULARY_FOLDER_H
#define HD_TEXT_VOCABULARY_FOLDER_H

#include "text/tokenizer.h"

/* `path` is the folder's vocab.txt or vocab.json. HEED_UNSUPPORTED for a class that heed lacks, by its name. */
heed_status hd_wordpiece_folder_open(heed_context *context, const char *folder, const char *path, heed_tokenizer **out);
heed_status hd_merges_folder_open(heed_context *context, const char *folder, const char *path, heed_tokenizer **out);

/* Whether a folder's files name ByT5's tokenizer. */
heed_status hd_is_bytes_folder(heed_context *context, const char *folder, bool *is);
/* `path` names the folder in messages. */
heed_status hd_bytes_folder_open(heed_context *context, const char *folder, const char *path, heed_tokenizer **out);

#endif
