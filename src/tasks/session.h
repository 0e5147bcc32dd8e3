/* The sessions of heed/heed.h: texts that are decoded together, added and cancelled by any thread while one thread steps. */
#ifndef HD_TASKS_SESSION_H
#define HD_TASKS_SESSION_H

#include "tasks/decoding.h"

/* A text that is added to a session. */
typedef struct hd_session_text {
    const char *text; /* [size] */
    size_t size;
    uint64_t number;            /* with the seed, the key of its random numbers */
    heed_words_function *words; /* NULL: nothing is streamed */
    void *user;
    /* Settings that outlive the session, and results that the stepping thread writes the answers to, at `index`. NULL: the
     * session has its own, from `options`, and heed_session_next returns the results. */
    const hd_decoding *settings;
    heed_results *results;
    size_t index;
    const heed_options *options;
    int64_t *shared; /* becomes the number of the prompt's first tokens that were computed before; NULL: not returned */
    bool bare; /* the text spells its special tokens, as that of a chat template does: none are added */
} hd_session_text;

/* heed_session_open, of a session that keeps what it has computed for the texts that finished last, `kept` at most: texts that
 * begin with the same tokens do not compute them again. */
heed_status hd_session_open_kept(heed_model *model, int64_t kept, heed_session **session);

heed_status hd_session_add_text(heed_session *session, const hd_session_text *text, uint64_t *id);
/* Gives this problem to all unfinished texts whose results were given. The session can then only be closed. */
heed_status hd_session_abandon(heed_session *session, const char *problem);

#endif
