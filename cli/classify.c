/* heed classify: classification of texts and of pairs of texts, and zero-shot classification. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "output.h"
#include "predict.h"
#include "verbs.h"

static bool all, pair, zero_shot, several; /* several: more labels than the most probable one are printed */
static const char *labels;

static const own_option own[] = {
    PREDICT_OPTIONS(" (default: sst2)"),
    {"all", 0, NULL, "print every label, the most probable first", NULL, &all},
    {"pair", 0, NULL, "texts are pairs: TEXT, a tab, SECOND TEXT", NULL, &pair},
    {"labels", 0, "LIST", "zero-shot classification: labels to choose among, separated by commas", &labels, NULL,
     "Zero-shot classification"},
};

static const command classify = {
    .name = "classify",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Classifies each TEXT, or each line of --input or standard input. The default model does sentiment analysis.\n"
        "Prints the most probable label and its probability, or the number that a regression model predicts.\n"
        "--pair classifies pairs of texts, such as a premise and a hypothesis.\n"
        "--labels or --label chooses among labels of your own (zero-shot classification). This needs a model of\n"
        "natural language inference, such as facebook/bart-large-mnli, and classifies the pair of the text and\n"
        "\"This example is LABEL.\" for each label.\n"
        "A text that is longer than the model is an error. With --truncate it is cut, and a message gives the place.\n"
        "--json prints one array per text: [{\"label\": …, \"score\": …}]. With --labels or --label it prints one "
        "object\n"
        "per text: {\"sequence\": …, \"labels\": […], \"scores\": […]}.\n"
        "\n"
        "    $ heed classify \"A film to be seen twice.\" \"Two hours that I will not get back.\"\n"
        "    positive\t0.7067\n"
        "    negative\t0.9367\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_classify_options,
};

static bool prepare(invocation *line, int *exit_code) {
    if (all && was_given(line, "top")) {
        *exit_code = report_usage(line, "--all and --top exclude each other");
        return false;
    }
    zero_shot = labels || was_given(line, "label");
    several = all || was_given(line, "top");
    if (labels && labels[strspn(labels, ", \t")] == 0) {
        *exit_code = report_usage(line, "labels is \"%s\", expected labels separated by commas", labels);
        return false;
    }
    return set_each(line, "label", labels, exit_code);
}

/* ---- pairs ---- */

static const char *find_tab(const text_source *texts, size_t index) {
    return memchr(texts->items[index], '\t', texts->sizes[index]);
}

static const char *problem_of(const text_source *texts, size_t index) {
    const char *tab = pair ? find_tab(texts, index) : NULL;
    if (!pair) return NULL;
    if (!tab) return "there is no tab; --pair reads TEXT, a tab, SECOND TEXT";
    size_t rest = texts->sizes[index] - (size_t)(tab + 1 - texts->items[index]);
    return memchr(tab + 1, '\t', rest) ? "there are several tabs; --pair reads TEXT, a tab, SECOND TEXT" : NULL;
}

static heed_status predict_pairs(heed_model *model, const heed_options *options, const text_source *texts,
                                 heed_results **results) {
    size_t count = texts->count;
    const char **items = grow_memory(NULL, 2 * count, sizeof *items);
    size_t *sizes = grow_memory(NULL, 2 * count, sizeof *sizes);
    for (size_t i = 0; i < count; i++) {
        const char *text = texts->items[i] && !problem_of(texts, i) ? texts->items[i] : NULL;
        const char *tab = text ? find_tab(texts, i) : NULL;
        items[i] = text;
        items[count + i] = text ? tab + 1 : NULL;
        sizes[i] = text ? (size_t)(tab - text) : 0;
        sizes[count + i] = text ? texts->sizes[i] - sizes[i] - 1 : 0;
    }
    heed_status status =
        heed_classify_pairs(model, options, items, sizes, items + count, sizes + count, count, results);
    free(items);
    free(sizes);
    return status;
}

static heed_status predict(heed_model *model, const heed_options *options, const text_source *texts,
                           heed_results **results) {
    if (pair) return predict_pairs(model, options, texts, results);
    return heed_classify(model, options, texts->items, texts->sizes, texts->count, results);
}

/* ---- answers ---- */

static void print_sequence(const text_source *texts, const heed_results *results, size_t index) {
    size_t count = heed_results_alternatives(results, index);
    fputs("{\"sequence\": ", stdout);
    put_json_string(texts->items[index], texts->sizes[index]);
    fputs(", \"labels\": [", stdout);
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(", ", stdout);
        put_alternative_label(results, index, i);
    }
    fputs("], \"scores\": [", stdout);
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(", ", stdout);
        put_json_float(heed_results_score(results, index, i));
    }
    puts("]}");
}

static void print_objects(const heed_results *results, size_t index, size_t count) {
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ", {\"label\": " : "{\"label\": ", stdout);
        put_alternative_label(results, index, i);
        fputs(", ", stdout);
        put_alternative_score(results, index, i);
        putchar('}');
    }
    puts("]");
}

static void print(const text_source *texts, const heed_results *results, size_t index) {
    size_t count = several ? heed_results_alternatives(results, index) : 1;
    if (predict_json && zero_shot) {
        print_sequence(texts, results, index);
    } else if (predict_json) {
        print_objects(results, index, count);
    } else {
        for (size_t i = 0; i < count; i++) {
            if (i) putchar('\t');
            put_alternative_label(results, index, i);
            printf("\t%.4f", (double)heed_results_score(results, index, i));
        }
        putchar('\n');
    }
}

int run_classify(int count, char **words) {
    static const predictor p = {.command = &classify,
                                .shipped = "sst2",
                                .otherwise = "train one: heed train --objective classify",
                                .prepare = prepare,
                                .problem = problem_of,
                                .predict = predict,
                                .print = print};
    return run_predictor(&p, count, words);
}
