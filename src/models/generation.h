/* The settings of decoding: those of generation_config.json, with transformers' names, defaults and meaning. */
#ifndef HD_MODELS_GENERATION_H
#define HD_MODELS_GENERATION_H

#include "base/arena.h"
#include "formats/json.h"
#include "layers/recipe.h"
#include "text/stops.h"

typedef enum hd_early_stopping {
    HD_STOP_UNLIKELY, /* false: when the best running hypothesis, at its present length, cannot beat the worst finished one */
    HD_STOP_FULL, /* true: when the number of finished hypotheses reaches the number of beams */
    HD_STOP_NEVER /* "never": only when no running hypothesis can still win at any length */
} hd_early_stopping;

/* A set of tokens. */
typedef struct hd_ids {
    const int32_t *ids; /* [count] */
    int64_t count;
} hd_ids;

static inline bool hd_ids_have(const hd_ids *set, int32_t id) {
    for (int64_t i = 0; i < set->count; i++)
        if (set->ids[i] == id) return true;
    return false;
}

/* Sequences of tokens: sequence i is ids[starts[i]] … ids[starts[i + 1]], at least one token. */
typedef struct hd_sequences {
    int64_t count;
    const int32_t *ids;
    const int32_t *starts; /* [count + 1], from 0 */
    const float *biases;   /* [count]; NULL: none have one */
} hd_sequences;

/* Words or phrases of which a beam search contains each one, or of a group of several alternatives one. */
typedef struct hd_forced_words {
    int64_t count; /* of groups */
    hd_sequences words;
    const int32_t *starts; /* [count + 1]: group i has words starts[i] … starts[i + 1] */
} hd_forced_words;

/* What the pointers point to outlives the settings: it belongs to the model. */
typedef struct hd_generation {
    int64_t beams;            /* 1 is greedy */
    int64_t best;             /* hypotheses returned per text, at most `beams`; or samples */
    int64_t max_new_tokens;   /* 0: as max_length says */
    int64_t max_length;       /* with the start token; 0: the model's positions */
    int64_t min_new_tokens;   /* tokens before the text may end */
    int64_t min_length;       /* the same with the start token or the prompt */
    int early_stopping;       /* hd_early_stopping */
    float length_penalty;     /* a finished hypothesis scores log p / length^penalty */
    float repetition_penalty; /* 1: none */
    float presence_penalty;   /* subtracted from the score of each generated token, as in OpenAI's API; 0: none */
    float frequency_penalty;  /* subtracted for each time that the token was generated; 0: none */
    float source_penalty;     /* encoder_repetition_penalty: favours tokens of the source; 1: none */
    int64_t no_repeat_ngram;  /* 0: none */
    int64_t no_source_ngram;  /* encoder_no_repeat_ngram_size: n-grams of the source are not repeated; 0: they may be */
    int32_t start;            /* token that begins a translation; −1: none */
    hd_ids ends;              /* tokens that end a text */
    hd_ids forced_first;      /* the first token of a translation is one of them; empty: any */
    hd_ids forced_last;       /* the token at the limit of length */
    hd_ids suppressed;        /* tokens that are never generated, */
    hd_ids suppressed_first;  /* and those that are not the first one */
    hd_sequences bad_words;   /* are never generated */
    hd_sequences sequence_bias;   /* added to the score of the last token after the others */
    hd_forced_words forced_words; /* of a beam search: force_words_ids */
    hd_stop_strings stop_strings; /* end a text (hd_request: stopped) */
    bool keep_stop;        /* a stop string stays in the text, with the rest of its last token, as in transformers */
    bool log_probs;        /* the log-probabilities of generated tokens are kept, */
    int64_t top_log_probs; /* and so many of the most probable tokens in place of each */
    int64_t decay_start;   /* exponential_decay_length_penalty: from this length on the end's score grows, */
    double decay_factor;   /* by this factor per token; 1: not at all */
    bool renormalize;      /* log-probabilities add up to one again after the processors */
    bool replace_invalid;  /* NaN becomes 0, infinities the largest numbers */
    bool sample;           /* draw tokens at random in place of choosing the most probable */
    float temperature;     /* logits are divided by it */
    int64_t top_k;         /* sample among the k most probable tokens; 0: all */
    float top_p;           /* sample among the most probable tokens that add up to this probability; 1: all */
    float min_p;           /* sample among tokens with at least this fraction of the largest probability; 0: all */
    float typical_p;       /* sample among the tokens of most typical information up to this probability; 1: all */
    float epsilon_cutoff;  /* sample among tokens of at least this probability; 0: all */
    float eta_cutoff;      /* the same, less where the entropy is large; 0: all */
    int64_t seed;          /* random seed for sampling */
    int64_t prompt_lookup; /* most tokens that are proposed per step by prompt lookup: no result changes; 0: none */
    struct hd_constraint
        *constraint;     /* what the text must match (decode/constraint.h); NULL: nothing. Not of the model */
    const char *lacking; /* NULL, or the message about a setting of the folder that heed lacks */
} hd_generation;

/* transformers' defaults: greedy, no penalties, no end. */
void hd_generation_default(hd_generation *generation);
/* Whether an alternative of a group begins another one, which transformers refuses: the longer one would never be needed. */
bool hd_forced_words_overlap(const hd_forced_words *forced);
/* The fewest tokens that contain a word of each group. */
int64_t hd_forced_words_shortest(const hd_forced_words *forced);
/* Settings of a model that heed makes: the defaults, with the recipe's start and end; the padding token is never generated.
 * The recipe must outlive them. */
void hd_generation_of(const hd_recipe *recipe, hd_generation *generation);
/* Reads an object with the keys of transformers' GenerationConfig over the defaults. Lists are allocated from the arena. A
 * setting that heed lacks and that would change the result is recorded in `lacking`: models can be opened with it, but do not
 * generate. Unknown keys are ignored, as by transformers. */
heed_status hd_generation_parse(const hd_json *json, const hd_recipe *recipe, hd_arena *arena,
                                hd_generation *generation);
/* Which settings files choose, where pipelines have defaults of their own. */
typedef struct hd_chosen {
    bool beams, length;
} hd_chosen;
/* Adds those that an object has. */
void hd_generation_choose(const hd_json *json, hd_chosen *chosen);

/* The settings of a folder: those of generation_config.json alone where there is one, else those in config.json, `config`. */
heed_status hd_generation_read(const char *folder, const hd_json *config, const hd_recipe *recipe, hd_arena *arena,
                               hd_generation *generation, hd_chosen *chosen);
/* Writes generation_config.json: settings other than the defaults, and those of decoding that every model has. */
heed_status hd_generation_write(heed_context *context, const char *folder, const hd_generation *generation,
                                const hd_recipe *recipe);

#endif
