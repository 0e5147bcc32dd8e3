/* The thread of one open model. It steps a decoding session with all texts that are running, and between steps runs calls
 * such as the classification of texts. Other threads add both. */
#ifndef HD_SERVE_ENGINE_H
#define HD_SERVE_ENGINE_H

#include "tasks/session.h"

typedef struct hd_engine hd_engine;

/* A text to decode. The engine's thread calls the functions, `done` exactly once and last: the text may then be freed. */
typedef struct hd_engine_text {
    heed_words_function *words;    /* NULL: nothing is streamed */
    bool (*continues)(void *user); /* after each step: false drops the text */
    /* `results` are NULL for a text that was dropped, and after a failure, of which `message` is the reason. They are closed
     * after the call. */
    void (*done)(void *user, const heed_results *results, heed_status status, const char *message);
    void *user;
    uint64_t id; /* in the session */
    struct hd_engine_text *next;
} hd_engine_text;

/* A call for `count` texts. Calls of equal key are run together: `run` is called with the texts of all of them. */
typedef struct hd_engine_call {
    const char *key;                           /* the task and its options; NULL: it is run alone */
    const char *const *texts, *const *seconds; /* [count]; seconds NULL: none */
    const size_t *sizes, *second_sizes;        /* [count] */
    size_t count;
    const heed_options *options; /* NULL: defaults */
    heed_status (*run)(heed_model *model, const struct hd_engine_call *call, heed_results **results);
    bool (*continues)(void *user); /* before it runs: false drops the call */
    /* The texts of the call have the results from `first` on. As in hd_engine_text. */
    void (*done)(void *user, const heed_results *results, size_t first, heed_status status, const char *message);
    void *user;
    const void *detail; /* for `run` */
    struct hd_engine_call *next;
} hd_engine_call;

/* Numbers for the metrics. */
typedef struct hd_engine_counts {
    uint64_t steps, step_texts; /* steps, and the texts of all of them */
    int64_t running, waiting;   /* texts, and calls that have not begun */
} hd_engine_counts;

/* Opens the model `name` and starts the thread, with a context of its own that is forked from `parent`; messages are in
 * `parent`. Errors are those of heed_model_open. */
heed_status hd_engine_open(heed_context *parent, const char *name, hd_engine **engine);
/* Waits for its texts and calls; none may be added any more. NULL is allowed. */
void hd_engine_close(hd_engine *engine);
const heed_model *hd_engine_model(const hd_engine *engine);
/* Whether its model decodes texts. */
bool hd_engine_decodes(const hd_engine *engine);
void hd_engine_count(hd_engine *engine, hd_engine_counts *counts);

/* Adds a text (heed_session_add, with `bare` of tasks/session.h). The message of a failure is in the context of the
 * options. */
heed_status hd_engine_add(hd_engine *engine, const heed_options *options, const char *text, size_t size,
                          uint64_t number, bool bare, hd_engine_text *request);
void hd_engine_call_add(hd_engine *engine, hd_engine_call *call);

#endif
