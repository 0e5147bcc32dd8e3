/* Options whose values are JSON. */
#ifndef HD_SERVE_OPTION_JSON_H
#define HD_SERVE_OPTION_JSON_H

#include <jansson.h>

#include "serve/fault.h"

/* Sets an option to a string, a number, true or false; a list sets it once per element. `name` is the key of the request. False,
 * with the fault, for another value and one that the option cannot have. */
bool hd_option_set_json(heed_options *options, const char *name, const char *option, const json_t *value,
                        hd_fault *fault);
/* The fewest digits that read back as the same number: an option then has the value that the client wrote. */
void hd_print_real(double number, char text[32]);

#endif
