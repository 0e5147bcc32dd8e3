/* heed tag: named-entity recognition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "predict.h"
#include "verbs.h"

static bool each_token; /* --aggregation none */

static const own_option own[] = {PREDICT_OPTIONS(" (default: entities)")};

static const command tag = {
    .name = "tag",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Named-entity recognition: prints each TEXT, or each line of --input or standard input, with its named\n"
        "entities in brackets, in colours on a terminal unless NO_COLOR is set. Labels may follow the schemes IO, "
        "BIO,\n"
        "BIOES and BILOU. A text that is longer than the model is read in overlapping windows, and each entity is\n"
        "printed once.\n"
        "--json prints one array per text: [{\"entity_group\": …, \"score\": …, \"word\": …, \"start\": …, \"end\": "
        "…}, …].\n"
        "With --aggregation none, \"entity_group\" becomes \"entity\", and each token has its \"index\".\n"
        "\n"
        "    $ heed tag \"Ada Lovelace was born in London.\"\n"
        "    [PER Ada Lovelace] was born in [LOC London].\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_tag_options,
};

static bool prepare(invocation *line, int *exit_code) {
    (void)exit_code;
    const char *aggregation = last_value(line, "aggregation");
    each_token = aggregation && strcmp(aggregation, "none") == 0;
    return true;
}

static heed_status predict(heed_model *model, const heed_options *options, const text_source *texts,
                           heed_results **results) {
    return heed_tag(model, options, texts->items, texts->sizes, texts->count, results);
}

/* ---- JSON ---- */

static void print_objects(const heed_results *results, size_t index) {
    size_t count = heed_results_alternatives(results, index), start, end;
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        heed_results_span(results, index, i, &start, &end);
        printf("%s{\"%s\": ", i ? ", " : "", each_token ? "entity" : "entity_group");
        put_alternative_label(results, index, i);
        fputs(", ", stdout);
        put_alternative_score(results, index, i);
        if (each_token) printf(", \"index\": %d", (int)heed_results_position(results, index, i));
        fputs(", \"word\": ", stdout);
        put_alternative_text(results, index, i);
        printf(", \"start\": %zu, \"end\": %zu}", start, end);
    }
    puts("]");
}

/* ---- brackets ---- */

/* A place in a text, in bytes and in characters. */
typedef struct place {
    const char *text;
    size_t size, byte, character;
} place;

static void print_characters(place *p, size_t to) {
    size_t first = p->byte;
    uint32_t code;
    for (; p->byte < p->size && p->character < to; p->character++)
        p->byte += heed_text_character(p->text + p->byte, p->size - p->byte, &code);
    put_line_text(p->text + first, p->byte - first);
}

/* White space, with which a span may begin. */
static void print_spaces(place *p) {
    while (p->byte < p->size && p->text[p->byte] && strchr(" \t\r\n", p->text[p->byte]))
        print_characters(p, p->character + 1);
}

/* One of the six colours that every terminal has, by the label; "" without colours. */
static const char *color_of(const char *label) {
    static const char *const colors[] = {"\033[1;31m", "\033[1;32m", "\033[1;33m",
                                         "\033[1;34m", "\033[1;35m", "\033[1;36m"};
    uint32_t hash = 2166136261u;
    if (!has_colors()) return "";
    for (; *label; label++) hash = (hash ^ (unsigned char)*label) * 131;
    return colors[(hash >> 16) % (sizeof colors / sizeof colors[0])];
}

static void print_text(const text_source *texts, const heed_results *results, size_t index) {
    place p = {.text = texts->items[index], .size = texts->sizes[index]};
    size_t count = heed_results_alternatives(results, index), start, end;
    for (size_t i = 0; i < count; i++) {
        const char *color = color_of(heed_results_label(results, index, i));
        heed_results_span(results, index, i, &start, &end);
        print_characters(&p, start);
        print_spaces(&p);
        printf("%s[", color);
        put_alternative_label(results, index, i);
        putchar(' ');
        print_characters(&p, end);
        printf("]%s", *color ? "\033[0m" : "");
    }
    print_characters(&p, SIZE_MAX);
    putchar('\n');
}

static void print(const text_source *texts, const heed_results *results, size_t index) {
    if (predict_json)
        print_objects(results, index);
    else
        print_text(texts, results, index);
}

int run_tag(int count, char **words) {
    static const predictor p = {.command = &tag,
                                .shipped = "entities",
                                .otherwise = "train one: heed train --objective tag",
                                .prepare = prepare,
                                .predict = predict,
                                .print = print};
    return run_predictor(&p, count, words);
}
