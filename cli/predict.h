/* What classify, tag and fill have in common: each prints one answer per text, or reports why there is none. */
#ifndef CLI_PREDICT_H
#define CLI_PREDICT_H

#include "arguments.h"
#include "models.h"
#include "texts.h"

/* The options of these verbs. */
extern const char *predict_model, *predict_input;
extern bool predict_json;
#define PREDICT_OPTIONS(default)                                                                         \
    {"model", 'm', "MODEL", "model to use" default, &predict_model, NULL},                               \
        {"input", 0, "FILE", "file of texts, one per line; - for standard input", &predict_input, NULL}, \
        {"json", 0, NULL, "print JSON with the field names of Hugging Face pipelines", NULL, &predict_json}, COMPUTE

typedef struct predictor {
    const command *command;
    const char *shipped;   /* the model that ships for the verb; NULL: none */
    const char *otherwise; /* advice for the message when no model is found */
    /* NULL, or what follows from the options of the command line. False after an error, which was reported. */
    bool (*prepare)(invocation *line, int *exit_code);
    /* NULL, or the reason why a text is no input of the verb; NULL if it is one. */
    const char *(*problem)(const text_source *texts, size_t index);
    heed_status (*predict)(heed_model *model, const heed_options *options, const text_source *texts,
                           heed_results **results);
    void (*print)(const text_source *texts, const heed_results *results, size_t index);
} predictor;

/* Runs the verb and returns the program's exit code. */
int run_predictor(const predictor *predictor, int count, char **words);

/* Sets the library's option `name` to each of the words of `list`, which commas separate. False after an error, which was
 * reported. */
bool set_each(const invocation *line, const char *name, const char *list, int *exit_code);

/* The label and the text of an alternative, as JSON with --json, else on one line; and "score": … as JSON. */
void put_alternative_label(const heed_results *results, size_t index, size_t alternative);
void put_alternative_text(const heed_results *results, size_t index, size_t alternative);
void put_alternative_score(const heed_results *results, size_t index, size_t alternative);

#endif
