/* The chat templates of a model folder, and the special tokens that they use: the choices of transformers 5.24. */
#ifndef HD_TEXT_CHAT_TEMPLATES_H
#define HD_TEXT_CHAT_TEMPLATES_H

#include <jansson.h>

#include "base/context.h"

typedef struct hd_chat_source {
    char *name; /* "default", "tool_use" */
    char *file; /* where it is from, for messages */
    char *text; /* [size] */
    size_t size;
} hd_chat_source;

typedef struct hd_chat_templates {
    heed_context *context;
    json_t *tokens;        /* "bos_token": "<s>" and so on */
    hd_chat_source *items; /* [count] */
    size_t count, capacity;
} hd_chat_templates;

/* Reads chat_template.jinja and additional_chat_templates/NAME.jinja. Without them, "chat_template" of tokenizer_config.json is
 * one template, or a list of them with names. *out is NULL if the folder has none. The templates are not parsed yet.
 * HEED_FORMAT for a file that is damaged, HEED_FILE, HEED_MEMORY. */
heed_status hd_chat_templates_open(heed_context *context, const char *folder, hd_chat_templates **out);
void hd_chat_templates_close(hd_chat_templates *templates); /* NULL is fine */
/* The template for a conversation with or without tools: "tool_use" with tools, if there is one, else "default". NULL if
 * there is none of these names. */
const hd_chat_source *hd_chat_templates_find(const hd_chat_templates *templates, bool tools);
/* Writes the files that hd_chat_templates_open reads, but no tokenizer_config.json. */
heed_status hd_chat_templates_save(const hd_chat_templates *templates, heed_context *context, const char *folder);

#endif
