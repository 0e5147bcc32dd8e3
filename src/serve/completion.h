/* Requests of /v1/completions and /v1/chat/completions: a JSON object becomes texts to continue, and options. */
#ifndef HD_SERVE_COMPLETION_H
#define HD_SERVE_COMPLETION_H

#include "formats/json.h"
#include "serve/fault.h"

typedef struct hd_completion {
    heed_context *context;
    hd_json json;          /* the request, which owns what the fields below refer to */
    heed_options *options; /* those of heed_session_options */
    bool chat;
    const char *model;                        /* NULL: none was named */
    json_t *messages;                         /* of a chat: an array, with contents as texts; owned */
    const json_t *tools, *variables, *effort; /* of a chat; NULL: none */
    const json_t *prompts;                    /* a string, or an array of strings */
    int64_t n;                                /* answers per prompt */
    int64_t max_new_tokens;                   /* 0: none was named */
    bool stream, usage, echo, log_probs;
    int64_t top_log_probs;
    /* Sampling: applied by hd_completion_sample. */
    bool greedy;                    /* temperature 0 */
    bool samples;                   /* an option of sampling was named */
    int sampling;                   /* -1: the model's files decide, else the key "sample" */
    const json_t *seed;             /* NULL: none */
    const json_t *of_sampling[16];  /* [sampling_count]: values, */
    const char *sampling_names[16]; /* and names of options */
    size_t sampling_count;
} hd_completion;

/* Reads a request. False, with the fault, for one that is not valid. The caller closes it in both cases. */
bool hd_completion_read(heed_context *context, const char *bytes, size_t size, bool chat, hd_completion *request,
                        hd_fault *fault);
void hd_completion_close(hd_completion *request);
/* Sets the options of sampling. `samples`: whether the model's files choose sampling. Without a seed in the request a random
 * one is set. */
bool hd_completion_sample(hd_completion *request, bool samples, hd_fault *fault);
/* Sets the longest answer: that of the request, but at most `most`, or `otherwise` if the request names none. 0: no limit. */
bool hd_completion_limit(hd_completion *request, int64_t most, int64_t otherwise, hd_fault *fault);
/* Prompt number `index` of a request that is no chat, *size bytes; NULL past the last. */
const char *hd_completion_prompt(const hd_completion *request, size_t index, size_t *size);

#endif
