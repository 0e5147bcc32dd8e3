/* The model that a verb works with. */
#ifndef CLI_MODELS_H
#define CLI_MODELS_H

#include "arguments.h"

/* An own option of the verbs that compute with a model; open_model hears it. */
extern const char *compute;
#define COMPUTE \
    { "compute", 0, "f32|bf16", "arithmetic of the products (default f32)", &compute, NULL }

/* Opens the model that -m names (NULL: the one that ships for the verb, `shipped`, or NULL where none does). False when there
 * is none: that was reported, and the program's *exit_code set. Where it is the shipped one that is missing, `otherwise`, what
 * to do instead, is part of the report. */
bool open_model(const invocation *line, const char *name, const char *shipped, const char *otherwise,
                heed_model **model, int *exit_code);

#endif
