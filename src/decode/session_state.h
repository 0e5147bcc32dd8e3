/* What a session consists of: for the files of this module that run, save and load it. */
#ifndef HD_DECODE_SESSION_STATE_H
#define HD_DECODE_SESSION_STATE_H

#include "decode/draft.h"

typedef struct hd_session_queue {
    hd_search *first, *last;
} hd_session_queue;

struct hd_session {
    heed_context *context;
    const hd_network *network;
    hd_decoder *decoder;
    hd_draft draft;
    hd_session_limits limits; /* without zeros that stand for other numbers */
    hd_arena scratch;         /* of a step */
    hd_arena numbers;         /* of a step, in device memory */
    hd_arena loaded;          /* settings of requests that were loaded from a file */
    uint64_t next_id;
    hd_session_queue added, finished;
    hd_search *returned; /* the last result of hd_session_next */
    hd_search **running; /* [running_count], in the order of their slots */
    int64_t running_count, slots;
    int64_t kept_count; /* slots that were kept so far */
    size_t running_capacity;
    uint64_t fingerprint; /* of the network, once the session was saved or loaded; 0: not yet */
    bool cancels;         /* one of the running searches is cancelled */
    heed_status status;   /* of the last step */
};

/* Appends a search to a queue, and takes the first one; NULL: it is empty. */
void hd_session_push(hd_session_queue *queue, hd_search *search);
hd_search *hd_session_pop(hd_session_queue *queue);
/* The requests that have no result yet, or one that was not returned. */
typedef enum hd_search_state { HD_SEARCH_RUNNING, HD_SEARCH_ADDED, HD_SEARCH_FINISHED } hd_search_state;
typedef heed_status hd_search_task(void *user, const hd_search *search, hd_search_state state);
/* Runs the task for each of them, in this order, until one fails. */
heed_status hd_for_searches(const hd_session *session, hd_search_task *task, void *user);
/* Begins the first `count` added searches: their sources are encoded, and each hypothesis has a slot without tokens. */
heed_status hd_session_begin(hd_session *session, int64_t count);
/* Proposes tokens for the searches of this step (speculate.c). */
heed_status hd_session_propose(hd_session *session);
/* Chooses the next token of a search with one hypothesis, and others as long as they are those that were proposed. */
heed_status hd_session_advance(hd_session *session, hd_search *search);

#endif
