/* Vectors of texts: what embed, similarity and index files have in common. */
#ifndef HD_TASKS_EMBEDDING_H
#define HD_TASKS_EMBEDDING_H

#include "models/model.h"

/* What a text is in a search: the values of the option "as", in this order. */
typedef enum hd_text_role { HD_ROLE_TEXT, HD_ROLE_QUERY, HD_ROLE_DOCUMENT } hd_text_role;
#define HD_TEXT_ROLES "text|query|document"

/* HEED_UNSUPPORTED for a model that makes no vectors. Notes that the folder does not say how. */
heed_status hd_embedding_check(const heed_model *model);
/* The prompt of texts without another one, or NULL: that of the folder's "default_prompt_name", or the one that encode_query and
 * encode_document of sentence-transformers 6.2 choose. */
const hd_prompt *hd_embedding_prompt(const hd_embedder *embedder, hd_text_role role);
/* The folder's prompt of this name. HEED_ARGUMENT if there is none; the message has those that there are. */
heed_status hd_embedding_find_prompt(const heed_model *model, const char *name, const hd_prompt **prompt);

#endif
