/* Templates: any bytes are parsed and rendered, or refused in one line. */
#include "text/jinja/jinja.h"

#include <stdlib.h>
#include <string.h>

static const char variables[] =
    "{\"messages\": [{\"role\": \"user\", \"content\": \"H\u00e9llo <b>\"}, {\"role\": \"assistant\", \"content\": "
    "null,"
    "\"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": {\"x\": [1, 2.5, true]}}}]}], \"n\": 3, \"x\": "
    "0.5,"
    "\"words\": [\"b\", \"a\", \"C\"], \"d\": {\"a\": {\"b\": [1]}, \"items\": 0}, \"bos_token\": \"<s>\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context = NULL;
    hd_chat_template *template;
    hd_buffer out;
    if (heed_context_open(&context) != HEED_OK) abort();
    json_t *values = json_loads(variables, 0, NULL);
    heed_status status = hd_chat_template_open(context, "t", (const char *)data, size, &template);
    if (status == HEED_OK) {
        hd_buffer_open(&out, context);
        status = hd_chat_template_render(template, context, values, NULL, &out, NULL);
        hd_buffer_close(&out);
        hd_chat_template_close(template);
    }
    if (status != HEED_OK && (status != HEED_FORMAT || strchr(heed_context_message(context), '\n'))) abort();
    json_decref(values);
    heed_context_close(context);
    return 0;
}
