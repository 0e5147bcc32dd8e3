/* Texts become requests of decoding sessions, and what these decode becomes answers: shared by translation, text generation
 * and the sessions of heed/heed.h. */
#ifndef HD_TASKS_DECODING_H
#define HD_TASKS_DECODING_H

#include "base/options.h"
#include "decode/constraint_options.h"
#include "decode/request.h"
#include "models/model.h"
#include "models/task_params.h"
#include "tasks/results.h"
#include "tasks/word_options.h"

typedef struct hd_decoding {
    hd_generation generation;
    char *from, *to;                  /* names of languages or of a style, until they are resolved */
    char *prefix;                     /* the option; NULL: not set */
    const char *before;               /* text before each input: the option, or that of the model's config */
    bool keeps_prefixes;              /* an input that begins with a prefix of the model gets no other one */
    int64_t max_words;                /* of an output; 0: no limit */
    bool document;                    /* translate sentence by sentence, and keep the layout */
    hd_side_tokenizer side[HD_SIDES]; /* with their tokens; of a language model its tokenizer twice */
    int64_t batch_tokens;             /* source tokens of a session at once; 0: a default for the model and the beams */
    bool alignment;                   /* word alignments beside translations */
    int64_t alignment_layer;          /* from 1 */
    hd_word_options words;            /* until they are resolved */
    hd_arena arena;                   /* of their tokens, which `generation` refers to */
    hd_constraint_options constraint; /* until it is compiled, in `generation` */
    bool bare;                        /* texts spell their special tokens: the tokenizer's template adds none */
} hd_decoding;

/* The options of heed_translate, heed_summarize, heed_rewrite, heed_generate and sessions, and of answers that an
 * encoder–decoder generates. */
extern const hd_option_table hd_translate_table, hd_summarize_table, hd_rewrite_table, hd_generate_table,
    hd_session_table, hd_answer_table;

/* The model's own generation config, with what `options` of this table (may be NULL) sets. The caller closes the settings,
 * also after a failure. HEED_ARGUMENT or HEED_UNSUPPORTED for what the model cannot run. */
heed_status hd_decoding_open(const heed_model *model, const heed_options *options, const hd_option_table *table,
                             hd_decoding *settings);
/* Its two parts: reads the options, and refuses what the model cannot run and options that would have no effect. */
heed_status hd_decoding_read(const heed_model *model, const heed_options *options, const hd_option_table *table,
                             hd_decoding *settings);
heed_status hd_decoding_check(const heed_model *model, const heed_options *options, hd_decoding *settings);
/* The same; equal grammars and schemas of several calls with a list (may be NULL) are compiled once. */
heed_status hd_decoding_open_with(const heed_model *model, const heed_options *options, const hd_option_table *table,
                                  hd_constraint_list *constraints, hd_decoding *settings);
void hd_decoding_close(heed_context *context, hd_decoding *settings);

/* The tokens that a text gives the network. Initialize with {0}, reuse for any number of texts, close at the end. */
typedef struct hd_text_tokens {
    hd_encoding encoding;
    hd_buffer text; /* with the prefix */
    int32_t start;
    hd_ids ids; /* the source, or of a language model the prompt */
} hd_text_tokens;

/* HEED_LENGTH for a text that the model cannot process: the message has the reason. Else HEED_MEMORY or HEED_UNSUPPORTED. */
heed_status hd_text_tokens_read(const heed_model *model, const hd_decoding *settings, const char *text, size_t size,
                                hd_text_tokens *prompt);
void hd_text_tokens_close(hd_text_tokens *prompt);

/* Copies the tokens of a hypothesis that belong to its text to ids [count + 1], and returns their number. As in transformers,
 * an end that is not a special token is one of them. */
int64_t hd_decoding_tokens(const hd_decoding *settings, const hd_hypothesis *hypothesis, int32_t *ids);

/* The prefix of a text: "" if the text has one of the model's own. */
const char *hd_decoding_prefix(const heed_model *model, const hd_decoding *settings, const char *text, size_t size);

/* Whether stop strings are cut off. */
static inline bool hd_decoding_cuts(const hd_decoding *settings) {
    return settings->generation.stop_strings.count && !settings->generation.keep_stop;
}
/* The length of a hypothesis' text without a stop string and without words over the limit; `hidden` bytes are those of a
 * prompt. */
size_t hd_decoding_text_size(const hd_decoding *settings, const hd_hypothesis *hypothesis, const hd_buffer *text,
                             size_t hidden);

/* What ends texts besides tokens: stop strings and a number of words. One thread at a time uses it. */
typedef struct hd_text_ends {
    const hd_decoding *settings;
    hd_stop_finder finder;
    hd_buffer text;
} hd_text_ends;

/* Whether there is a stop string or a limit of words. */
static inline bool hd_decoding_ends_texts(const hd_decoding *settings) {
    return settings->generation.stop_strings.count || settings->max_words;
}
/* The settings outlive it. The caller closes it, also after a failure; a zeroed one is allowed. */
heed_status hd_text_ends_open(hd_text_ends *ends, heed_context *context, const hd_decoding *settings);
void hd_text_ends_close(hd_text_ends *ends);
/* For hd_request: `ends` is a hd_text_ends. */
heed_status hd_decoding_stopped(void *ends, const int32_t *tokens, int64_t count, size_t *bytes);

/* Appends the word alignment of a text and the ids of its translation (inspect/align.h), without the words of a prefix. */
heed_status hd_decoding_align(heed_context *context, const heed_model *model, const hd_decoding *settings,
                              const char *text, size_t size, const int32_t *ids, int64_t count, hd_buffer *out);
/* The note of a text of which a hypothesis lacks forced words. */
heed_status hd_decoding_note_words(heed_results *results, size_t index, const hd_hypothesis *hypothesis);

/* An empty source has an empty translation, whatever the model. */
heed_status hd_decoding_answer_blank(const hd_decoding *settings, heed_results *results, size_t index);
/* The problem of a text without a single finished hypothesis, unless a constraint is the reason. */
heed_status hd_decoding_no_answer(heed_results *results, size_t index);

#endif
