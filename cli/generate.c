/* heed generate: reads texts and prints each with its continuation. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "memory.h"
#include "models.h"
#include "output.h"
#include "pictures.h"
#include "stop.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *draft_name, *input, *output, *next_count, *samples;
static bool json, scores, drawn, tree;

static const own_option own[] = {
    {"model", 'm', "MODEL", "language model to use (default: shakespeare)", &model_name, NULL},
    {"input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL},
    {"draft", 0, "MODEL", "smaller model with the same tokenizer that proposes tokens; the text stays the same",
     &draft_name, NULL, "Speed"},
    {"json", 0, NULL, "print one JSON array per text", NULL, &json},
    {"scores", 0, NULL, "with --json, each continuation has a \"score\"", NULL, &scores},
    {"samples", 0, "NUMBER", "number of samples per text: --sample --best NUMBER", &samples, NULL},
    {"next", 0, "NUMBER", "print a table of the most probable next tokens, and generate nothing", &next_count, NULL},
    {"draw", 0, NULL, "with --next: draw the probabilities as bars", NULL, &drawn},
    {"tree", 0, NULL, "draw the beam search as a tree of kept, finished and pruned hypotheses", NULL, &tree},
    {"output", 'o', "FILE", "with --next or --tree: file for the picture; .svg, .json and .txt select the format",
     &output, NULL},
    COMPUTE,
};

static const command generate = {
    .name = "generate",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Continues each TEXT, or each line of --input or standard input, with a language model. Settings come\n"
        "from the model's generation_config.json. Options override them. Without settings, decoding is\n"
        "greedy. The continuation of a TEXT argument is printed token by token, with its line breaks. The\n"
        "continuation of a line of input is printed on one line. When the positions of a Transformer are\n"
        "full, the older half of its context is dropped.\n"
        "--json prints one array per text: [{\"generated_text\": …}, …].\n"
        "--logprobs prints the log-probability of each generated token: in lines after the text, or in JSON\n"
        "as \"logprobs\", with the fields of OpenAI's chat API.\n"
        "--next 10 prints the ten most probable next tokens: the logit, the probability, and the probability\n"
        "after the logits processors, the temperature, top-k, top-p and so on. --draw draws them as bars.\n"
        "--tree draws a beam search: the hypotheses that each step keeps and prunes, and their scores.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_generate_options,
    .notes = true,
};

/* A text whose continuation is printed token by token. */
typedef struct streamed_text {
    const char *text;
    size_t size;
    bool begun;
} streamed_text;

static bool print_words(void *user, size_t index, const char *text, size_t size) {
    (void)index;
    streamed_text *streamed = user;
    if (!streamed->begun) put_lines(streamed->text, streamed->size);
    streamed->begun = true;
    put_lines(text, size);
    return flush_output();
}

/* ---- log-probabilities of tokens ---- */

static bool has_tokens(const invocation *line) { return was_given(line, "logprobs"); }

/* One token with its log-probability, as in OpenAI's chat API. */
static void print_token(const heed_results *results, size_t index, size_t alternative, size_t token, size_t rank) {
    size_t size;
    const char *text = heed_results_token_text(results, index, alternative, token, rank, &size);
    printf("{\"token\": ");
    put_json_string(text ? text : "", size);
    printf(", \"logprob\": ");
    put_json_float(heed_results_log_prob(results, index, alternative, token, rank));
    printf(", \"bytes\": [");
    for (size_t i = 0; i < size; i++) printf("%s%d", i ? ", " : "", (unsigned char)text[i]);
    printf("], \"id\": %d", (int)heed_results_token(results, index, alternative, token, rank));
}

static void print_json_tokens(const heed_results *results, size_t index, size_t alternative) {
    size_t count = heed_results_tokens(results, index, alternative);
    fputs(", \"logprobs\": {\"content\": [", stdout);
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(", ", stdout);
        print_token(results, index, alternative, i, 0);
        fputs(", \"top_logprobs\": [", stdout);
        for (size_t rank = 1; heed_results_token(results, index, alternative, i, rank) >= 0; rank++) {
            if (rank > 1) fputs(", ", stdout);
            print_token(results, index, alternative, i, rank);
            putchar('}');
        }
        fputs("]}", stdout);
    }
    fputs("]}", stdout);
}

/* A line per token, and below it the most probable ones. */
static void print_tokens(const heed_results *results, size_t index, size_t alternative) {
    size_t count = heed_results_tokens(results, index, alternative), size;
    for (size_t i = 0; i < count; i++)
        for (size_t rank = 0; heed_results_token(results, index, alternative, i, rank) >= 0; rank++) {
            double log_prob = (double)heed_results_log_prob(results, index, alternative, i, rank);
            const char *text = heed_results_token_text(results, index, alternative, i, rank, &size);
            printf("%s%10.4f %9.6f  ", rank ? "    " : "", log_prob, exp(log_prob));
            put_json_string(text, size);
            putchar('\n');
        }
}

/* ---- answers ---- */

static void print_object(const char *text, size_t size, const heed_results *results, size_t index, size_t alternative,
                         bool tokens) {
    size_t added = heed_results_size(results, index, alternative);
    char *whole = grow_memory(NULL, size + added, 1);
    if (size) memcpy(whole, text, size);
    if (added) memcpy(whole + size, heed_results_text(results, index, alternative), added);
    fputs("{\"generated_text\": ", stdout);
    put_json_string(whole, size + added);
    free(whole);
    if (scores) {
        fputs(", \"score\": ", stdout);
        put_json_float(heed_results_score(results, index, alternative));
    }
    if (tokens) print_json_tokens(results, index, alternative);
    putchar('}');
}

static void print_line(const text_source *texts, size_t index, const heed_results *results, size_t alternative) {
    put_line_text(texts->items[index], texts->sizes[index]);
    put_line_text(heed_results_text(results, index, alternative), heed_results_size(results, index, alternative));
    putchar('\n');
}

static void print_answer(const invocation *line, const text_source *texts, size_t index, const heed_results *results) {
    size_t count = heed_results_alternatives(results, index);
    if (json) putchar('[');
    for (size_t i = 0; i < count; i++) {
        if (json && i) fputs(", ", stdout);
        if (json)
            print_object(texts->items[index], texts->sizes[index], results, index, i, has_tokens(line));
        else
            print_line(texts, index, results, i);
        if (!json && has_tokens(line)) print_tokens(results, index, i);
    }
    if (json) fputs("]\n", stdout);
}

/* The answers of `count` texts from `first` on; one that was streamed lacks only its line break. */
static void print_answers(const invocation *line, const text_source *texts, size_t first, size_t count, bool streamed,
                          const heed_results *results, int *code) {
    for (size_t i = 0; i < count; i++) {
        const char *problem = texts->items[first + i] ? heed_results_problem(results, i) : too_long;
        if (problem) {
            report_text(texts, first + i, problem);
            *code = EXIT_FAILED;
        }
        if (streamed || problem)
            putchar('\n');
        else
            print_answer(line, &(text_source){.items = texts->items + first, .sizes = texts->sizes + first}, i,
                         results);
    }
}

/* False after a failure that ends the run; it was reported. Lines are continued together, arguments one by one, since their
 * continuations are printed token by token. */
static bool generate_batch(const invocation *line, heed_model *model, const text_source *texts, int *code) {
    bool streams = !json && line->text_count > 0 && !was_given(line, "beams") && !was_given(line, "best") && !samples &&
                   !has_tokens(line);
    size_t count = streams ? 1 : texts->count;
    for (size_t i = 0; i < texts->count; i += count) {
        heed_results *results;
        streamed_text streamed = {.text = texts->items[i], .size = texts->sizes[i]};
        heed_status status = heed_generate(model, line->options, texts->items + i, texts->sizes + i, count,
                                           texts->first + i - 1, streams ? print_words : NULL, &streamed, &results);
        if (status != HEED_OK && status != HEED_STOPPED) {
            *code = report_failure(line, status);
            return false;
        }
        size_t answered = count;
        if (status == HEED_STOPPED) { /* the line of a text that was being printed ends */
            answered = report_stop(texts, i, count, results);
            if (streamed.begun) answered = count;
            *code = EXIT_FAILED;
        }
        print_answers(line, texts, i, answered, streamed.begun, results, code);
        heed_results_close(results);
        if (!flush_output() || status == HEED_STOPPED) return false;
    }
    return true;
}

/* Opens both models; without --draft, *draft is NULL. */
static bool open_models(const invocation *line, heed_model **model, heed_model **draft, int *code) {
    if (!open_model(line, model_name, "shakespeare", "train one: heed train --objective language", model, code))
        return false;
    if (!draft_name) return true;
    if (!open_model(line, draft_name, NULL, "", draft, code)) return false;
    heed_status status = heed_model_set_draft(*model, *draft);
    if (status != HEED_OK) *code = report_failure(line, status);
    return status == HEED_OK;
}

/* ---- the next token ---- */

static void print_next_json(heed_next *next, size_t count) {
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        size_t size;
        const char *text = heed_next_text(next, i, &size), *stage;
        printf("%s{\"token\": %d, \"token_str\": ", i ? ", " : "", (int)heed_next_token(next, i));
        put_json_string(text ? text : "", size);
        fputs(", \"logit\": ", stdout);
        put_json_float(heed_next_logit(next, i));
        printf(", \"probability\": %.9g, \"after\": {", heed_next_probability(next, i, 0));
        for (size_t j = 1; (stage = heed_next_stage(next, j)) != NULL; j++)
            printf("%s\"%s\": %.9g", j > 1 ? ", " : "", stage, heed_next_probability(next, i, j));
        fputs("}}", stdout);
    }
    fputs("]\n", stdout);
}

static void print_probability(double probability) {
    if (probability > 0)
        printf(probability < 1e-4 ? " %14.2e" : " %14.6f", probability);
    else
        printf(" %14s", "-");
}

static void print_next_table(heed_next *next, size_t count) {
    const char *stage;
    printf("%4s %8s %10s %14s", "rank", "id", "logit", "probability");
    for (size_t j = 1; (stage = heed_next_stage(next, j)) != NULL; j++) printf(" %14s", stage);
    fputs("  token\n", stdout);
    for (size_t i = 0; i < count; i++) {
        size_t size;
        const char *text = heed_next_text(next, i, &size);
        printf("%4zu %8d %10.4f", i + 1, (int)heed_next_token(next, i), (double)heed_next_logit(next, i));
        for (size_t j = 0; j < heed_next_stages(next); j++) print_probability(heed_next_probability(next, i, j));
        fputs("  ", stdout);
        put_json_string(text ? text : "", size);
        putchar('\n');
    }
}

static heed_status draw_next(const invocation *line, heed_next *next, size_t count) {
    heed_picture *picture = NULL;
    heed_status status = heed_inspect_next(next, count, &picture);
    if (status == HEED_OK) status = put_picture(line, picture, output);
    heed_picture_close(picture);
    return status;
}

/* A table of each text. A dash stands for a token that a stage leaves out. */
static bool print_next(const invocation *line, heed_model *model, const text_source *texts, size_t most, int *code) {
    for (size_t i = 0; i < texts->count; i++) {
        heed_next *next = NULL;
        if (output && texts->first + i > 1) {
            *code = report_usage(line, "%s can contain only one text, but there are more", output);
            return false;
        }
        heed_status status = HEED_LENGTH;
        if (texts->items[i]) status = heed_next_open(model, line->options, texts->items[i], texts->sizes[i], &next);
        if (status != HEED_OK && status != HEED_LENGTH) {
            *code = report_failure(line, status);
            return false;
        }
        if (status == HEED_LENGTH) {
            report_text(texts, i, texts->items[i] ? heed_context_message(line->context) : too_long);
            *code = EXIT_FAILED;
            putchar('\n');
            continue;
        }
        size_t count = heed_next_count(next) < most ? heed_next_count(next) : most;
        if (drawn || output)
            status = draw_next(line, next, count);
        else if (json)
            print_next_json(next, count);
        else
            print_next_table(next, count);
        heed_next_close(next);
        if (status != HEED_OK) {
            *code = report_failure(line, status);
            return false;
        }
        if (!flush_output()) return false;
    }
    return true;
}

/* The number of rows of --next; 0 without it. False if it is not a number. */
static bool read_next(const invocation *line, size_t *count, int *code) {
    char *end;
    *count = 0;
    if (!next_count && (drawn || (output && !tree))) {
        *code = report_usage(line, drawn ? "--draw needs --next" : "--output needs --next or --tree");
        return false;
    }
    if (next_count && tree) {
        *code = report_usage(line, "--next and --tree are different pictures: choose one");
        return false;
    }
    if (json && (drawn || tree)) {
        *code = report_usage(line, "--json and --%s are different outputs: choose one", drawn ? "draw" : "tree");
        return false;
    }
    if (!next_count) return true;
    long number = strtol(next_count, &end, 10);
    if (next_count[0] && !*end && number >= 1 && number <= 1 << 24) {
        *count = (size_t)number;
        return true;
    }
    *code = report_usage(line, "--next is \"%s\", expected a whole number from 1 to 16777216", next_count);
    return false;
}

/* --samples sets two options. */
static bool set_samples(const invocation *line, int *code) {
    if (!samples) return true;
    char *end;
    long number = strtol(samples, &end, 10);
    if (!samples[0] || *end || number < 1 || number > 1024) {
        *code = report_usage(line, "--samples is \"%s\", expected a whole number from 1 to 1024", samples);
        return false;
    }
    heed_status status = heed_options_set(line->options, "sample", NULL);
    if (status == HEED_OK) status = heed_options_set(line->options, "best", samples);
    if (status != HEED_OK) *code = report_failure(line, status);
    return status == HEED_OK;
}

/* Is it a model that continues texts, and are the options valid? */
static heed_status check_options(const invocation *line, heed_model *model) {
    heed_results *none = NULL;
    heed_status status = heed_generate(model, line->options, NULL, NULL, 0, 0, NULL, NULL, &none);
    heed_results_close(none);
    return status;
}

int run_generate(int count, char **words) {
    invocation line;
    text_source texts;
    size_t next;
    int code;
    model_name = draft_name = output = next_count = samples = NULL;
    if (!open_invocation(&generate, count, words, &line, &code)) return code;
    heed_model *model = NULL, *draft = NULL;
    stop_on_signals(line.context, SA_RESTART);
    if (read_next(&line, &next, &code) && set_samples(&line, &code) && open_texts(&line, input, &texts, &code)) {
        heed_status status = HEED_FILE;
        if (open_models(&line, &model, &draft, &code)) {
            status = next || tree ? HEED_OK : check_options(&line, model);
            code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
        }
        if (status == HEED_OK && tree) code = draw_pictures(&texts, model, output, false, heed_inspect_beams);
        while (status == HEED_OK && next_texts(&texts) &&
               (next ? print_next(&line, model, &texts, next, &code) : generate_batch(&line, model, &texts, &code)))
            continue;
        if (texts.failed) code = EXIT_FAILED;
        close_texts(&texts);
    }
    heed_model_close(model);
    heed_model_close(draft);
    close_invocation(&line);
    return finish_output(generate.name, code);
}
