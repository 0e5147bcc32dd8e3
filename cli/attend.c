/* heed attend: attention maps, and other pictures of a model's inside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "memory.h"
#include "models.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *shipped, *input, *output, *color, *nearest;
static bool steps, states, embeddings, positions, gradients;

static const own_option own[] = {
    {"model", 'm', "MODEL",
     "model to inspect (default: multi30k-en-de; steps: multi30k-en-fr-gru; gradients: shakespeare)", &model_name,
     NULL},
    {"input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL},
    {"output", 'o', "FILE", "file for the picture; .svg, .html, .json and .npy select the format", &output, NULL},
    {"color", 0, "auto|always|never", "24-bit colour in the terminal; auto: if the terminal supports it", &color, NULL},
    {"steps", 0, NULL, "draw the steps of a recurrent encoder-decoder, or of one attention head of a Transformer", NULL,
     &steps},
    {"states", 0, NULL, "draw the hidden states of TEXT's tokens after a layer", NULL, &states},
    {"embeddings", 0, NULL, "draw the embeddings of TEXT's tokens, or of the vocabulary's first words", NULL,
     &embeddings, "Other pictures"},
    {"positions", 0, NULL, "draw the positional encoding", NULL, &positions, "Other pictures"},
    {"gradients", 0, NULL, "plot how far back a language model's gradient reaches; repeat -m for more curves", NULL,
     &gradients, "Other pictures"},
    COMPUTE,
    {"nearest", 0, "WORD", "print the words with the most similar embeddings", &nearest, NULL, "Other pictures"},
};

static const command attend = {
    .name = "attend",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Draws attention maps of each TEXT, or of each line of --input or standard input. Rows are queries, columns\n"
        "are keys. A translator first translates the text. Its map shows the cross-attention. Without --pieces, the\n"
        "subword tokens of a word are joined. An SVG, HTML or .npy file contains only one text.\n"
        "--steps, --states, --embeddings, --positions, --nearest and --gradients draw other pictures, as text, SVG or\n"
        "JSON.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_attend_options,
};

/* ---- output ---- */

static bool is_colored(void) {
    return strcmp(color, "always") == 0 || (strcmp(color, "auto") == 0 && has_all_colors());
}

static void print(const invocation *line, char *bytes, size_t size) {
    fwrite(bytes, 1, size, stdout);
    heed_free(line->context, bytes);
}

static heed_status draw_attention(const invocation *line, const heed_attention *attention) {
    char *bytes;
    size_t size;
    if (output) return heed_attention_save(attention, line->options, output);
    heed_status status =
        heed_attention_draw(attention, line->options, is_colored(), terminal_columns(STDOUT_FILENO), &bytes, &size);
    if (status == HEED_OK) print(line, bytes, size);
    return status;
}

static heed_status draw_picture(const invocation *line, const heed_picture *picture) {
    char *bytes;
    size_t size;
    if (output) return heed_picture_save(picture, line->options, output);
    heed_status status =
        heed_picture_draw(picture, line->options, is_colored(), terminal_columns(STDOUT_FILENO), &bytes, &size);
    if (status == HEED_OK) print(line, bytes, size);
    return status;
}

/* False when there is none, which was reported. */
static bool open_one(const invocation *line, const char *name, heed_model **model, int *code) {
    return open_model(line, name, shipped, "train one with heed train", model, code);
}

/* ---- a picture of each text ---- */

static heed_status inspect_text(const invocation *line, heed_model *model, const char *text, size_t size) {
    heed_attention *attention = NULL;
    heed_picture *picture = NULL;
    heed_status status = steps        ? heed_inspect_steps(model, line->options, text, size, &picture)
                         : states     ? heed_inspect_state_strips(model, line->options, text, size, &picture)
                         : embeddings ? heed_inspect_embeddings(model, line->options, text, size, &picture)
                                      : heed_attend(model, line->options, text, size, &attention);
    if (status == HEED_OK) status = picture ? draw_picture(line, picture) : draw_attention(line, attention);
    heed_picture_close(picture);
    heed_attention_close(attention);
    return status;
}

static bool is_format(const invocation *line, const char *format) {
    const char *given = last_value(line, "format");
    return given && strcmp(given, format) == 0;
}

/* False when a text had no picture, which was reported; *code is then the program's. With --format json an empty line is
 * printed in its place. */
static bool draw_text(const invocation *line, heed_model *model, const text_source *texts, size_t index, int *code) {
    heed_status status = HEED_LENGTH;
    const char *problem = too_long;
    bool blank =
        texts->items[index] && heed_text_is_blank(texts->items[index], texts->sizes[index]); /* nothing to draw */
    if (blank && !output && is_format(line, "json")) putchar('\n');
    if (blank) return true;
    if (texts->items[index]) {
        status = inspect_text(line, model, texts->items[index], texts->sizes[index]);
        problem = heed_context_message(line->context);
    }
    if (status == HEED_OK) return true;
    if (status == HEED_LENGTH || status == HEED_NUMERIC) {
        if (!output && is_format(line, "json")) putchar('\n');
        report_text(texts, index, problem);
        *code = EXIT_FAILED;
    } else {
        *code = report_failure(line, status);
    }
    return false;
}

static int draw_all(const invocation *line, heed_model *model, text_source *texts) {
    int code = EXIT_DONE;
    bool single = is_format(line, "svg") || is_format(line, "html") || is_format(line, "npy");
    while (next_texts(texts)) {
        bool several = texts->first + texts->count > 2;
        if (several && output) return report_usage(line, "%s can contain only one text, but there are more", output);
        if (several && single)
            return report_usage(line, "the format %s can contain only one text, but there are more",
                                last_value(line, "format"));
        for (size_t i = 0; i < texts->count; i++) {
            if (!draw_text(line, model, texts, i, &code) && code == EXIT_USAGE) return code;
        }
        if (!flush_output()) break;
    }
    return texts->failed ? EXIT_FAILED : code;
}

static int draw_texts(const invocation *line) {
    text_source texts;
    int code;
    if (!open_texts(line, input, &texts, &code)) return code;
    heed_model *model;
    if (open_one(line, model_name, &model, &code)) code = draw_all(line, model, &texts);
    close_texts(&texts);
    heed_model_close(model);
    return code;
}

/* ---- a picture of a model without text ---- */

static int draw_model(const invocation *line) {
    heed_model *model;
    heed_picture *picture = NULL;
    int code;
    if (!open_one(line, model_name, &model, &code)) return code;
    heed_status status = nearest     ? heed_inspect_nearest(model, line->options, nearest, &picture)
                         : positions ? heed_inspect_positions(model, line->options, &picture)
                                     : heed_inspect_embeddings(model, line->options, NULL, 0, &picture);
    if (status == HEED_OK) status = draw_picture(line, picture);
    code = status == HEED_OK ? EXIT_DONE : report_failure(line, status);
    heed_picture_close(picture);
    heed_model_close(model);
    return code;
}

/* ---- a picture of several models and all texts ---- */

/* Copies of all texts, [*count] with their sizes. */
static char **keep_texts(text_source *source, size_t **sizes, size_t *count) {
    char **texts = NULL;
    *sizes = NULL, *count = 0;
    while (next_texts(source)) {
        texts = grow_memory(texts, *count + source->count, sizeof *texts);
        *sizes = grow_memory(*sizes, *count + source->count, sizeof **sizes);
        for (size_t i = 0; i < source->count; i++) {
            if (!source->items[i]) {
                report_text(source, i, too_long);
                source->failed = true;
                continue;
            }
            texts[*count] = grow_memory(NULL, source->sizes[i] + 1, 1);
            memcpy(texts[*count], source->items[i], source->sizes[i]);
            (*sizes)[(*count)++] = source->sizes[i];
        }
    }
    return texts;
}

/* How many were opened, one at least if all were; a failure was reported, and *code is then the program's. */
static size_t open_models(const invocation *line, heed_model **models, int *code) {
    size_t count = 0;
    do
        if (!open_one(line, nth_value(line, "model", count), &models[count], code)) return count;
    while (nth_value(line, "model", ++count));
    return count;
}

static int draw_gradients(const invocation *line) {
    text_source source;
    int code;
    if (!open_texts(line, input, &source, &code)) return code;
    size_t *sizes, text_count;
    char **texts = keep_texts(&source, &sizes, &text_count);
    code = source.failed ? EXIT_FAILED : EXIT_DONE;
    close_texts(&source);
    heed_model **models = grow_memory(NULL, line->given_count + 1, sizeof(heed_model *));
    heed_picture *picture = NULL;
    size_t model_count = code == EXIT_DONE ? open_models(line, models, &code) : 0;
    if (code == EXIT_DONE) {
        heed_status status = heed_inspect_gradients(models, model_count, line->options, (const char *const *)texts,
                                                    sizes, text_count, &picture);
        if (status == HEED_OK) status = draw_picture(line, picture);
        if (status != HEED_OK) code = report_failure(line, status);
    }
    heed_picture_close(picture);
    for (size_t i = 0; i < model_count; i++) heed_model_close(models[i]);
    for (size_t i = 0; i < text_count; i++) free(texts[i]);
    free(models);
    free(texts);
    free(sizes);
    return code;
}

static bool is_number(const char *word) { return *word && strspn(word, "0123456789") == strlen(word); }

static int draw(const invocation *line) {
    bool has_text = input || line->text_count;
    if (strcmp(color, "always") != 0 && strcmp(color, "never") != 0 && strcmp(color, "auto") != 0)
        return report_usage(line, "color is \"%s\", expected auto, always or never", color);
    if (steps + states + embeddings + positions + gradients + (nearest != NULL) > 1)
        return report_usage(
            line, "only one of --steps, --states, --embeddings, --positions, --gradients and --nearest can be given");
    if (steps && line->text_count > 1 &&
        is_number(line->texts[0])) /* `train` has an option of this name with a value */
        return report_usage(line, "--steps takes no value, but %s follows it; texts that are numbers come from --input",
                            line->texts[0]);
    if (!gradients && nth_value(line, "model", 1)) return report_usage(line, "only --gradients compares models");
    if ((positions || nearest) && has_text)
        return report_usage(line, "--%s takes no text", positions ? "positions" : "nearest");
    if (gradients) return draw_gradients(line);
    return positions || nearest || (embeddings && !has_text) ? draw_model(line) : draw_texts(line);
}

int run_attend(int count, char **words) {
    invocation line;
    int code;
    model_name = NULL;
    color = "auto";
    if (!open_invocation(&attend, count, words, &line, &code)) return code;
    shipped = steps ? "multi30k-en-fr-gru" : gradients ? "shakespeare" : "multi30k-en-de";
    code = draw(&line);
    close_invocation(&line);
    return finish_output(attend.name, code);
}
