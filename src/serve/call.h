/* A request that one call of the library answers: classification, vectors, ranking and so on. Calls of equal options that wait at
 * the same time are run as one. */
#ifndef HD_SERVE_CALL_H
#define HD_SERVE_CALL_H

#include "formats/json.h"
#include "serve/state.h"

typedef struct hd_call hd_call;

/* A kind of calls. */
typedef struct hd_call_kind {
    const char *verb; /* of the table of verbs: a model that cannot run it is refused */
    heed_status (*open_options)(heed_context *context, heed_options **options);
    heed_status (*run)(heed_model *model, const hd_engine_call *call, heed_results **results);
    bool alone; /* it is not run together with others */
} hd_call_kind;

struct hd_call {
    const hd_serve_state *state;
    hd_exchange *exchange;
    heed_context context; /* of the thread that has the call */
    hd_json json;         /* the body, an object */
    heed_options *options;
    char model[128];
    hd_engine *engine;
    const char **texts, **seconds; /* [count]; seconds NULL: none. Owned by the body */
    size_t *sizes, *second_sizes;  /* [count] */
    size_t count;
    bool single; /* the text was no list */
    const char *problem_param;
    /* Appends the answer: the results of the texts begin at `first`. */
    heed_status (*write)(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);
    int64_t number; /* for `write` */
    bool flag;      /* for `write` */
    const void *detail;
    char *key;
    hd_engine_call request;
};

/* Reads the body of an exchange into a call. NULL, with the fault. */
hd_call *hd_call_open(const hd_serve_state *state, heed_context *context, hd_exchange *exchange, hd_fault *fault);
void hd_call_close(hd_call *call);
/* Answers with the fault, and closes the call (NULL is allowed). */
void hd_call_fail(hd_call *call, hd_exchange *exchange, const hd_fault *fault);
/* Opens the model that is named, and refuses one that cannot run the kind (NULL: any can). */
bool hd_call_find(hd_call *call, heed_context *context, const char *model, hd_fault *fault);
bool hd_call_runs(const hd_call *call, const char *verb);
bool hd_call_choose(hd_call *call, const hd_call_kind *kind, hd_fault *fault);
/* The texts are a string or a list of strings; `param` is the key. */
bool hd_call_read_texts(hd_call *call, const char *param, const json_t *value, hd_fault *fault);
/* Adds a second text to each; they are strings. */
bool hd_call_read_pair(hd_call *call, const char *param, const json_t *first, const json_t *second, hd_fault *fault);
/* Runs the call; it closes itself. */
void hd_call_start(hd_call *call, const hd_call_kind *kind);

#endif
