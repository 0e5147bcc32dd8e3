/* Grammars, and JSON schemas (what begins with a brace): any bytes are read or refused in one line, and what is read generates a
 * text that it accepts. That of a schema is JSON. */
#include "decode/grammar_state.h"
#include "decode/json_schema.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 40, MOST_BYTES = 400 };

static void check(bool truth) {
    if (!truth) abort();
}

/* The next byte: any that may come, by the input's bytes, and after some bytes one that brings the end nearer; −1: none. */
static int choose(hd_matcher *m, int32_t state, const uint8_t *data, size_t size, int length) {
    int first = data[(size_t)length % size];
    for (int i = 0; i < 256; i++) {
        int byte = (first + i * 37) % 256;
        int32_t next = hd_matcher_step(m, state, (uint8_t)byte);
        check(next != HD_STATE_FAILED);
        if (next > HD_STATE_DEAD && (length < BYTES || m->states[next].cost < m->states[state].cost)) return byte;
    }
    return -1;
}

/* Generates a text; false if it is long, or the grammar has too many readings of it. */
static bool generate(hd_matcher *m, const uint8_t *data, size_t size, char *text, size_t *length) {
    int32_t state = HD_STATE_START;
    for (*length = 0; *length < MOST_BYTES; ++*length) {
        check(!m->states[state].complete || m->states[state].cost == 0);
        if (m->states[state].complete && *length >= BYTES) return true;
        int byte = choose(m, state, data, size, (int)*length);
        if (byte < 0) return m->states[state].complete;
        text[*length] = (char)byte;
        state = hd_matcher_step(m, state, (uint8_t)byte);
    }
    return false;
}

static void run(heed_context *context, const char *text, size_t text_size, const uint8_t *data, size_t size,
                bool json) {
    hd_grammar grammar;
    hd_matcher matcher;
    if (hd_grammar_parse(context, "fuzz", text, text_size, &grammar) != HEED_OK) {
        const char *message = heed_context_message(context);
        check(message[0] && !strchr(message, '\n'));
        check(!json || strstr(message, "begins with itself") || strstr(message, "never ends"));
        return;
    }
    int32_t *costs = hd_alloc(context, (size_t)grammar.node_count, sizeof *costs);
    check(costs && hd_grammar_costs(&grammar, NULL, costs) == HEED_OK);
    if (hd_matcher_open(context, &grammar, costs, &matcher) == HEED_OK) {
        char made[MOST_BYTES];
        size_t length;
        bool whole = size && generate(&matcher, data, size, made, &length);
        json_t *value = whole && json ? json_loadb(made, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
        check(!whole || !json || value);
        json_decref(value);
        hd_matcher_close(&matcher, context);
    }
    hd_free(context, costs);
    hd_grammar_close(&grammar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context = NULL;
    bool json = size && data[0] == '{';
    if (heed_context_open(&context) != HEED_OK) return 0;
    hd_buffer grammar;
    hd_buffer_open(&grammar, context);
    if (!json) {
        run(context, (const char *)data, size, data, size, false);
    } else if (hd_json_schema_grammar(context, "fuzz", (const char *)data, size, &grammar) == HEED_OK) {
        run(context, grammar.data, grammar.size, data, size, true);
    } else {
        check(heed_context_message(context)[0] && !strchr(heed_context_message(context), '\n'));
    }
    hd_buffer_close(&grammar);
    heed_context_close(context);
    return 0;
}
