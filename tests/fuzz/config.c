/* Any bytes as a JSON document: it is refused with a message, or each getter works for each key, and what is written reads
 * back as the same document. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "formats/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const hd_json *json, int depth) {
    if (depth > 8) return;
    int64_t integer, ids[4];
    double real;
    bool truth;
    const char *text;
    size_t count;
    hd_json inner, element;
    for (void *at = json_object_iter(json->root); at; at = json_object_iter_next(json->root, at)) {
        const char *key = json_object_iter_key(at);
        hd_json_int(json, key, 0, -100, 100, &integer);
        hd_json_float(json, key, 0, 0, 1, &real);
        hd_json_bool(json, key, false, &truth);
        hd_json_string(json, key, NULL, &text);
        hd_json_ints(json, key, 0, 10, ids, HD_COUNT(ids), &count);
        if (hd_json_object(json, key, &inner) == HEED_OK) ask(&inner, depth + 1);
        if (hd_json_array(json, key, &inner, &count) != HEED_OK) continue;
        for (size_t i = 0; i < count && i < 8; i++) {
            hd_json_element(&inner, i, &element);
            ask(&element, depth + 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context = NULL;
    hd_json json, again;
    if (heed_context_open(&context) != HEED_OK) abort();
    if (hd_json_open_bytes(context, "fuzz", data, size, HD_JSON_LENIENT, &json) == HEED_OK) {
        ask(&json, 0);
        hd_buffer text;
        hd_buffer_open(&text, context);
        if (hd_json_append_pretty(context, json.root, &text) != HEED_OK) abort();
        if (hd_json_open_bytes(context, "again", text.data, text.size, HD_JSON_STRICT, &again) != HEED_OK) abort();
        if (!json_equal(json.root, again.root)) abort();
        hd_json_close(&again);
        hd_buffer_close(&text);
    } else if (!heed_context_message(context)[0]) {
        abort();
    }
    hd_json_close(&json);
    heed_context_close(context);
    return 0;
}
