/* Texts through a network and its head, many at once: shared by classify, tag, fill and embed. */
#ifndef HD_TASKS_ENCODED_H
#define HD_TASKS_ENCODED_H

#include "models/model.h"
#include "tasks/results.h"
#include "tasks/windows.h"

/* A text and the model's output for it. */
typedef struct hd_encoded {
    heed_model *model;
    heed_results *results;
    size_t index;
    const char *text;
    size_t size;
    const uint32_t *bytes; /* [characters + 1] of a text that runs in windows: where its characters begin; else NULL */
    const hd_encoding *encoding;
    const int32_t *rows; /* [row_count]: positions of the tokens whose states are read, ascending */
    int64_t row_count;
    const hd_windowed_text *windows; /* of a text that ran in several; else NULL */
    hd_pass *pass;                   /* its memory lasts until `answer` returns */
    hd_tensor *logits; /* [row_count, classes], of a text in windows by hd_windows_merge, or [1, classes] with
                        * HD_HEAD_CLASSIFY_TEXT, or [1, columns] that were pooled; NULL if there are no rows */
} hd_encoded;

typedef struct hd_encoded_task {
    hd_head head;
    const char *kind; /* of the models that have this head: "a text classification model" */
    /* Writes the positions of the tokens whose states are read to rows [tokens], ascending. */
    heed_status (*select)(void *user, const hd_encoded *encoded, int32_t *rows, int64_t *count);
    /* Fills in results->items[index]. Calls do not overlap, but come from several threads. */
    heed_status (*answer)(void *user, const hd_encoded *encoded);
    /* NULL, or what replaces the head: from the states of the selected rows, [tokens, width], one row per text. Any model
     * with one side can then run. Called by several threads at the same time. */
    hd_tensor *(*pool)(void *user, hd_pass *pass, hd_tensor *states, const hd_selection *rows);
    /* Longer texts are cut to this many tokens, those of the template included, and the result has a note; 0: they are
     * refused. */
    int64_t most;
    int cut;        /* which text of a pair is cut: a strategy of hd_truncation */
    size_t skipped; /* characters before each text, of a prompt, that the note does not count */
    /* NULL, or what makes the tokens of text `index`, instead of the template; HEED_LENGTH gives the text a problem. Called by one
     * thread. */
    heed_status (*encode)(void *user, heed_results *results, size_t index, hd_encoding *tokens);
    /* Longer texts run in windows of this many tokens, of a task that selects tokens of the text and gets an output for each;
     * 0: none do. `stride` is that of hd_windows_split. */
    int64_t window, stride;
} hd_encoded_task;

/* Texts, or pairs of texts: [count] each. Sizes are in bytes; NULL: the texts end with a zero. */
typedef struct hd_encoded_texts {
    const char *const *texts;
    const size_t *sizes;
    const char *const *seconds; /* NULL: there are no pairs */
    const size_t *second_sizes;
    size_t count;
    const hd_encoding
        *tokens; /* NULL, or [count]: ids and types of texts that are encoded already and outlive the call */
} hd_encoded_texts;

/* Encodes the texts (a blank one as the empty text) and calls `answer` for each of them, in any order. A pair is arranged, and its
 * tokens have the types, as the tokenizer's template says. A text that is too long gets a problem instead. A text's result depends
 * on it alone. HEED_UNSUPPORTED unless the model has the task's head. */
heed_status hd_encode_texts(heed_model *model, const hd_encoded_task *task, const hd_encoded_texts *texts, void *user,
                            heed_results **results);

/* `select` of tasks that classify texts: the rows that the head pools. Two directions of a recurrent network end in different
 * rows. */
heed_status hd_select_pooled(void *user, const hd_encoded *encoded, int32_t *rows, int64_t *count);
/* The byte of the text at which a character begins. */
size_t hd_encoded_byte(const hd_encoded *encoded, uint32_t character);
/* Predicts labels [row_count] of the selected tokens, jointly where the model has a CRF. */
heed_status hd_choose_labels(const hd_encoded *encoded, int32_t *labels);

#endif
