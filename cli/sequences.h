/* The verbs that turn texts into texts: translate, summarize, rewrite. */
#ifndef CLI_SEQUENCES_H
#define CLI_SEQUENCES_H

#include "arguments.h"
#include "models.h"

typedef struct sequence_verb {
    const command *command;
    const char *field;     /* of the JSON objects, as in the pipeline of transformers: "translation_text" */
    const char *shipped;   /* the model that ships for the verb */
    const char *otherwise; /* advice where it is not installed */
    heed_status (*convert)(heed_model *model, const heed_options *options, const char *const *texts,
                           const size_t *sizes, size_t count, heed_results **results);
} sequence_verb;

/* Options that these verbs have in common. */
extern const char *sequence_model, *sequence_draft, *sequence_input, *sequence_output;
extern bool sequence_json, sequence_scores, sequence_tree;
#define SEQUENCE_OPTIONS(model_help)                                                                         \
    {"model", 'm', "MODEL", model_help, &sequence_model, NULL},                                              \
        {"input", 0, "FILE", "file of texts, one per line; - for standard input", &sequence_input, NULL},    \
        {"draft",         0,                                                                                 \
         "MODEL",         "smaller model with the same tokenizer that proposes tokens; texts stay the same", \
         &sequence_draft, NULL,                                                                              \
         "Speed"},                                                                                           \
        COMPUTE, {"json", 0, NULL, "print one JSON array per text", NULL, &sequence_json}, {                 \
        "scores", 0, NULL, "with --json, each output has a \"score\"", NULL, &sequence_scores                \
    }

/* Those of a verb that draws the beam search. */
#define TREE_OPTIONS                                                                                                   \
    {"tree", 0, NULL, "draw the beam search as a tree of kept, finished and pruned hypotheses", NULL, &sequence_tree}, \
    {                                                                                                                  \
        "output", 'o', "FILE", "with --tree: file for the tree; .svg, .json and .txt select the format",               \
            &sequence_output, NULL                                                                                     \
    }

/* Runs such a verb, and returns the program's exit code. With the option "document", the whole input is one text. */
int run_sequences(const sequence_verb *verb, int count, char **words);

#endif
