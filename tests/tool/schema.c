/* Prints the grammar of a JSON schema, or texts that it accepts, drawn at random byte by byte:
 *
 *     tool-schema SCHEMA            the grammar
 *     tool-schema SCHEMA COUNT SEED so many texts, each followed by a zero byte; after 300 bytes they take the shortest way out
 */
#include "base/file.h"
#include "base/random.h"
#include "decode/grammar_state.h"
#include "decode/json_schema.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct drawing {
    hd_matcher *matcher;
    hd_random_key key;
    uint64_t drawn;
} drawing;

/* A byte that may come next, or −1: the text ends. */
static int draw_byte(drawing *d, int32_t state, bool shortens) {
    int bytes[257], count = 0;
    const hd_match_state *states = d->matcher->states;
    if (states[state].complete) bytes[count++] = -1;
    for (int byte = 0; byte < 256; byte++) {
        int32_t next = hd_matcher_step(d->matcher, state, (uint8_t)byte);
        states = d->matcher->states;
        if (next > HD_STATE_DEAD && (!shortens || states[next].cost < states[state].cost)) bytes[count++] = byte;
    }
    if (shortens && states[state].complete) return -1;
    return bytes[(size_t)(hd_random_uniform(d->key, 0, 0, d->drawn++) * (float)count)];
}

static void print_text(drawing *d) {
    int32_t state = HD_STATE_START;
    for (int length = 0, byte; (byte = draw_byte(d, state, length > 300)) >= 0; length++) {
        putchar(byte);
        state = hd_matcher_step(d->matcher, state, (uint8_t)byte);
    }
    putchar(0);
}

static heed_status run(heed_context *context, int count, char **arguments) {
    hd_buffer schema, text;
    hd_grammar grammar;
    hd_matcher matcher;
    hd_buffer_open(&schema, context);
    hd_buffer_open(&text, context);
    HD_TRY(hd_file_read(context, arguments[1], &schema));
    HD_TRY(hd_json_schema_grammar(context, arguments[1], schema.data, schema.size, &text));
    if (count == 2) return fputs(text.data, stdout) < 0 ? HEED_FILE : HEED_OK;
    HD_TRY(hd_grammar_parse(context, "grammar", text.data, text.size, &grammar));
    int32_t *costs = hd_alloc(context, (size_t)grammar.node_count, sizeof *costs);
    HD_TRY(hd_grammar_costs(&grammar, NULL, costs));
    HD_TRY(hd_matcher_open(context, &grammar, costs, &matcher));
    drawing d = {&matcher, hd_random_key_make((uint64_t)atoi(arguments[3]), HD_RANDOM_SAMPLE, 0), 0};
    for (int i = 0; i < atoi(arguments[2]); i++) print_text(&d);
    hd_matcher_close(&matcher, context);
    hd_grammar_close(&grammar);
    hd_free(context, costs);
    hd_buffer_close(&schema);
    hd_buffer_close(&text);
    return HEED_OK;
}

int main(int count, char **arguments) {
    heed_context *context;
    if (count != 2 && count != 4) return 2;
    if (heed_context_open(&context) != HEED_OK) return 1;
    heed_status status = run(context, count, arguments);
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
