/* Opens the model that a verb uses. */
#ifndef CLI_MODELS_H
#define CLI_MODELS_H

#include "arguments.h"

/* An option of every verb that runs a model; open_model applies it. */
extern const char *compute;
#define COMPUTE \
    { "compute", 0, "f32|bf16", "arithmetic of matrix products (default f32)", &compute, NULL, GENERAL }

/* Opens the model `name`, or the one that ships for the verb (`shipped`, NULL for none) if `name` is NULL. False when it
 * cannot be opened: that was reported, and the program's *exit_code set. If no model ships, or the shipped one is not
 * installed, the message ends with `otherwise`, advice on what to do instead. */
bool open_model(const invocation *line, const char *name, const char *shipped, const char *otherwise,
                heed_model **model, int *exit_code);

#endif
