/* What users of other programs type: the options of transformers, llama.cpp and others, and names of verbs. They are not
 * accepted; the error suggests heed's. */
#ifndef CLI_FOREIGN_H
#define CLI_FOREIGN_H

#include <stddef.h>

/* What typed[0 … size), such as "--num-beams" or "-n", means in heed: the name of an option, or advice, which contains a
 * space. Several options may fit, of which a verb may have one: `index` counts them. NULL past the last. "_" equals "-". */
const char *foreign_option(const char *typed, size_t size, size_t index);
/* The verb that another program's verb is like, or NULL. */
const char *foreign_verb(const char *typed);

#endif
