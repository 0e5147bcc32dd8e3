/* Opens the tokenizer of a folder that has a SentencePiece model instead of a tokenizer.json, with the components, ids and
 * special tokens that transformers 5.24 gives the class of tokenizer_config.json (its tokenization files and
 * convert_slow_tokenizer.py). */
#ifndef HD_TEXT_SENTENCEPIECE_TOKENIZER_H
#define HD_TEXT_SENTENCEPIECE_TOKENIZER_H

#include "formats/sentencepiece.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

/* `path` is the model in `folder`. HEED_UNSUPPORTED when the class is one that heed lacks. The caller closes *out. */
heed_status hd_sentencepiece_tokenizer_open(heed_context *context, const char *folder, const char *path,
                                            heed_tokenizer **out);
/* The same for Marian and M2M-100, whose ids are in `folder`/vocab.json. transformers runs sentencepiece itself for them. */
heed_status hd_sentencepiece_listed_open(heed_context *context, const char *folder, const char *path,
                                         heed_tokenizer **out);
/* The tokenizer of Marian's targets: the pieces of target.spm with the ids of vocab.json or, if the folder says separate_vocabs,
 * of target_vocab.json. *out is NULL if it is that of the sources, `path`. */
heed_status hd_sentencepiece_target_open(heed_context *context, const char *folder, const char *path,
                                         heed_tokenizer **out);
/* The same from a model and settings in memory, which the caller closes; pieces may get other texts. `name` stands for the
 * path in messages. */
heed_status hd_sentencepiece_tokenizer_build(heed_context *context, const char *name, const hd_sentencepiece *model,
                                             const hd_tokenizer_config *config, heed_tokenizer **out);

#endif
