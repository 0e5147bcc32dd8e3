/* heed classify, heed tag and heed fill: text classification, named-entity recognition and masked-word prediction. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "models.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *input;
static bool json, all, each_token, best; /* best: --best was given */

#define MODEL(default) \
    { "model", 'm', "MODEL", "model to use" default, &model_name, NULL }
#define INPUT \
    { "input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL }
#define JSON \
    { "json", 0, NULL, "print JSON with the field names of Hugging Face pipelines", NULL, &json }

static const own_option classify_own[] = {MODEL(" (default: sst2)"),
                                          INPUT,
                                          JSON,
                                          COMPUTE,
                                          {"all", 0, NULL, "print every label, the most probable first", NULL, &all}};
static const own_option tag_own[] = {MODEL(" (default: entities)"), INPUT, JSON, COMPUTE};
static const own_option fill_own[] = {MODEL(""), INPUT, JSON, COMPUTE};

static const command classify = {
    .name = "classify",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Classifies each TEXT, or each line of --input or standard input. The default model does sentiment analysis.\n"
        "Prints the most probable label and its probability, or the number that a regression model predicts.\n"
        "--json prints one array per text:\n"
        "[{\"label\": …, \"score\": …}].\n",
    .own = classify_own,
    .own_count = sizeof classify_own / sizeof classify_own[0],
    .open_options = heed_classify_options,
};
static const command tag = {
    .name = "tag",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Named-entity recognition: prints each TEXT, or each line of --input or standard input, with its named\n"
        "entities in brackets, such as [LOC Berlin]. --json prints one array per text:\n"
        "[{\"entity_group\": …, \"score\": …, \"word\": …, \"start\": …, \"end\": …}, …].\n"
        "With --aggregation none, \"entity_group\" becomes \"entity\", and each token has its \"index\".\n",
    .own = tag_own,
    .own_count = sizeof tag_own / sizeof tag_own[0],
    .open_options = heed_tag_options,
};
static const command fill = {
    .name = "fill",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Predicts the masked words of each TEXT, or of each line of --input or standard input, with a masked language\n"
        "model. Prints the text with the most probable word in place of each mask. A mask is the model's mask token,\n"
        "such as [MASK]. --best prints several words per mask, one per line: the number of the text, the probability,\n"
        "the word and the text, with tabs between them. --json prints an array of\n"
        "{\"score\": …, \"token_str\": …, \"sequence\": …}, or an array of such arrays if the text has several "
        "masks.\n",
    .own = fill_own,
    .own_count = sizeof fill_own / sizeof fill_own[0],
    .open_options = heed_fill_options,
    .notes = true,
};

typedef struct verb {
    const command *command;
    const char *shipped;   /* the model that ships for it; NULL: none */
    const char *otherwise; /* advice for the message when no model is found */
    heed_status (*predict)(heed_model *model, const heed_options *options, const text_source *texts,
                           heed_results **results);
    void (*print)(const text_source *texts, const heed_results *results, size_t index);
} verb;

/* The label of an answer as JSON or on one line. */
static void put_label(const heed_results *results, size_t index, size_t i) {
    const char *label = heed_results_label(results, index, i);
    if (json)
        put_json_string(label, strlen(label));
    else
        put_line_text(label, strlen(label));
}

static void put_answer(const heed_results *results, size_t index, size_t i) {
    const char *text = heed_results_text(results, index, i);
    if (json)
        put_json_string(text, heed_results_size(results, index, i));
    else
        put_line_text(text, heed_results_size(results, index, i));
}

static void put_score(const heed_results *results, size_t index, size_t i) {
    fputs("\"score\": ", stdout);
    put_json_float(heed_results_score(results, index, i));
}

/* ---- classify ---- */

static heed_status predict_label(heed_model *model, const heed_options *options, const text_source *texts,
                                 heed_results **results) {
    return heed_classify(model, options, texts->items, texts->sizes, texts->count, results);
}

static void print_label(const text_source *texts, const heed_results *results, size_t index) {
    (void)texts;
    size_t count = all || best ? heed_results_alternatives(results, index) : 1;
    if (json) putchar('[');
    for (size_t i = 0; i < count; i++) {
        if (json) {
            fputs(i ? ", {\"label\": " : "{\"label\": ", stdout);
            put_label(results, index, i);
            fputs(", ", stdout);
            put_score(results, index, i);
            putchar('}');
        } else {
            if (i) putchar('\t');
            put_label(results, index, i);
            printf("\t%.4f", (double)heed_results_score(results, index, i));
        }
    }
    puts(json ? "]" : "");
}

/* ---- tag ---- */

static heed_status predict_entities(heed_model *model, const heed_options *options, const text_source *texts,
                                    heed_results **results) {
    return heed_tag(model, options, texts->items, texts->sizes, texts->count, results);
}

/* Prints the characters from *character, which begins at byte *at, up to `to`, and advances both. */
static void print_characters(const char *text, size_t size, size_t *at, size_t *character, size_t to) {
    size_t first = *at;
    uint32_t code;
    for (; *at < size && *character < to; ++*character) *at += heed_text_character(text + *at, size - *at, &code);
    put_line_text(text + first, *at - first);
}

/* Characters of white space, which a span may begin with. */
static size_t count_spaces(const char *text, size_t size, size_t character) {
    size_t at = 0, spaces = 0;
    uint32_t code;
    for (size_t i = 0; i < character && at < size; i++) at += heed_text_character(text + at, size - at, &code);
    while (at + spaces < size && strchr(" \t\r\n", text[at + spaces]) && text[at + spaces]) spaces++;
    return spaces;
}

static void print_entities(const text_source *texts, const heed_results *results, size_t index) {
    size_t count = heed_results_alternatives(results, index), at = 0, character = 0, start, end;
    if (json) putchar('[');
    for (size_t i = 0; i < count; i++) {
        heed_results_span(results, index, i, &start, &end);
        if (json) {
            printf("%s{\"%s\": ", i ? ", " : "", each_token ? "entity" : "entity_group");
            put_label(results, index, i);
            fputs(", ", stdout);
            put_score(results, index, i);
            if (each_token) printf(", \"index\": %d", (int)heed_results_position(results, index, i));
            fputs(", \"word\": ", stdout);
            put_answer(results, index, i);
            printf(", \"start\": %zu, \"end\": %zu}", start, end);
            continue;
        }
        start += count_spaces(texts->items[index], texts->sizes[index], start);
        print_characters(texts->items[index], texts->sizes[index], &at, &character, start);
        putchar('[');
        put_label(results, index, i);
        putchar(' ');
        print_characters(texts->items[index], texts->sizes[index], &at, &character, end);
        putchar(']');
    }
    if (!json) print_characters(texts->items[index], texts->sizes[index], &at, &character, SIZE_MAX);
    puts(json ? "]" : "");
}

/* ---- fill ---- */

static heed_status predict_words(heed_model *model, const heed_options *options, const text_source *texts,
                                 heed_results **results) {
    return heed_fill(model, options, texts->items, texts->sizes, texts->count, results);
}

static size_t mask_of(const heed_results *results, size_t index, size_t i) {
    size_t start, end;
    heed_results_span(results, index, i, &start, &end);
    return start;
}

static void print_word_object(const heed_results *results, size_t index, size_t i) {
    putchar('{');
    put_score(results, index, i);
    fputs(", \"token_str\": ", stdout);
    put_label(results, index, i);
    fputs(", \"sequence\": ", stdout);
    put_answer(results, index, i);
    putchar('}');
}

/* Several masks give one array each, inside an outer array. */
static void print_word_objects(const heed_results *results, size_t index) {
    size_t count = heed_results_alternatives(results, index);
    bool several = count && mask_of(results, index, 0) != mask_of(results, index, count - 1);
    fputs(several ? "[[" : "[", stdout);
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(mask_of(results, index, i) == mask_of(results, index, i - 1) ? ", " : "], [", stdout);
        print_word_object(results, index, i);
    }
    puts(several ? "]]" : "]");
}

static void print_words(const text_source *texts, const heed_results *results, size_t index) {
    if (json) {
        print_word_objects(results, index);
        return;
    }
    size_t count = best ? heed_results_alternatives(results, index) : 1;
    for (size_t i = 0; i < count; i++) {
        if (best) {
            printf("%llu\t%.4f\t", (unsigned long long)(texts->first + index),
                   (double)heed_results_score(results, index, i));
            put_label(results, index, i);
            putchar('\t');
        }
        put_answer(results, index, i);
        putchar('\n');
    }
}

/* ---- all of them ---- */

/* False after a failure that ends the run; it was reported. */
static bool answer_batch(const verb *v, const invocation *line, heed_model *model, const text_source *texts,
                         int *code) {
    heed_results *results;
    heed_status status = v->predict(model, line->options, texts, &results);
    if (status != HEED_OK) {
        *code = report_failure(line, status);
        return false;
    }
    for (size_t i = 0; i < texts->count; i++) {
        const char *problem = texts->items[i] ? heed_results_problem(results, i) : too_long;
        if (!problem) {
            v->print(texts, results, i);
            continue;
        }
        putchar('\n');
        report_text(texts, i, problem);
        *code = EXIT_FAILED;
    }
    heed_results_close(results);
    return flush_output();
}

static int run(const verb *v, int count, char **words) {
    invocation line;
    text_source texts;
    int code;
    if (!open_invocation(v->command, count, words, &line, &code)) return code;
    heed_model *model = NULL;
    best = was_given(&line, "best");
    const char *aggregation = last_value(&line, "aggregation");
    each_token = aggregation && strcmp(aggregation, "none") == 0;
    if (open_texts(&line, input, &texts, &code)) {
        bool open = open_model(&line, model_name, v->shipped, v->otherwise, &model, &code);
        if (open) code = EXIT_DONE;
        while (open && next_texts(&texts) && answer_batch(v, &line, model, &texts, &code)) continue;
        if (texts.failed) code = EXIT_FAILED;
        close_texts(&texts);
    }
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(v->command->name, code);
}

int run_classify(int count, char **words) {
    static const verb v = {&classify, "sst2", "train one: heed train --objective classify", predict_label, print_label};
    return run(&v, count, words);
}

int run_tag(int count, char **words) {
    static const verb v = {&tag, "entities", "train one: heed train --objective tag", predict_entities, print_entities};
    return run(&v, count, words);
}

int run_fill(int count, char **words) {
    static const verb v = {&fill, NULL, "train one: heed train --objective masked", predict_words, print_words};
    return run(&v, count, words);
}
