/* heed attend: what a model looks at, as a picture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arguments.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *input, *output, *color;

static const own_option own[] = {
    {"model", 'm', "MODEL", "the model to look into (default: multi30k-en-de)", &model_name, NULL},
    {"input", 0, "FILE", "texts, one a line; - for standard input", &input, NULL},
    {"output", 'o', "FILE", "write the picture there; .svg, .html, .json and .npy name the format", &output, NULL},
    {"color", 0, "auto|always|never", "24-bit colours in text; auto: on a terminal that has them", &color, NULL},
};

static const command attend = {
    .name = "attend",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Draws the attention that a model pays while it translates each TEXT, else each line of --input or of "
        "standard\n"
        "input: a row for each word that looks, a column for each word that is looked at. Words are as the text has\n"
        "them; --pieces keeps the tokenizer's. SVG, HTML and .npy hold one text.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_attend_options,
};

/* Terminals that have 24-bit colours say so in COLORTERM; https://no-color.org says how users refuse them. */
static bool terminal_has_colors(void) {
    const char *refused = getenv("NO_COLOR"), *has = getenv("COLORTERM");
    if (!isatty(STDOUT_FILENO) || (refused && *refused)) return false;
    return has && (strcmp(has, "truecolor") == 0 || strcmp(has, "24bit") == 0);
}

static int terminal_columns(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static heed_status draw(const invocation *line, const heed_attention *attention, bool colored) {
    char *bytes;
    size_t size;
    if (output) return heed_attention_save(attention, line->options, output);
    heed_status status = heed_attention_draw(attention, line->options, colored, terminal_columns(), &bytes, &size);
    if (status != HEED_OK) return status;
    fwrite(bytes, 1, size, stdout);
    heed_free(line->context, bytes);
    return HEED_OK;
}

static bool is_blank(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i]) return false;
    return true;
}

/* False when a text had no picture, which was reported; *code is then the program's. */
static bool draw_text(const invocation *line, heed_model *model, const text_source *texts, size_t index, bool colored,
                      int *code) {
    heed_attention *attention = NULL;
    heed_status status = HEED_LENGTH;
    const char *problem = too_long;
    if (texts->items[index] && is_blank(texts->items[index], texts->sizes[index])) return true; /* nothing to look at */
    if (texts->items[index]) {
        status = heed_attend(model, line->options, texts->items[index], texts->sizes[index], &attention);
        if (status == HEED_OK) status = draw(line, attention, colored);
        problem = heed_context_message(line->context);
    }
    heed_attention_close(attention);
    if (status == HEED_OK) return true;
    if (status == HEED_LENGTH || status == HEED_NUMERIC) {
        report_text(texts, index, problem);
        *code = EXIT_FAILED;
    } else {
        *code = report_failure(line, status);
    }
    return false;
}

static int draw_all(const invocation *line, heed_model *model, text_source *texts, bool colored) {
    int code = EXIT_DONE;
    while (next_texts(texts)) {
        for (size_t i = 0; i < texts->count; i++) {
            if (output && texts->first + i > 1)
                return report_usage(line, "%s holds one text, but there are more", output);
            if (!draw_text(line, model, texts, i, colored, &code) && code == EXIT_USAGE) return code;
        }
        if (!flush_output()) break;
    }
    return texts->failed ? EXIT_FAILED : code;
}

int run_attend(int count, char **words) {
    invocation line;
    text_source texts;
    int code;
    model_name = "multi30k-en-de";
    color = "auto";
    if (!open_invocation(&attend, count, words, &line, &code)) return code;
    heed_model *model = NULL;
    bool always = strcmp(color, "always") == 0, never = strcmp(color, "never") == 0;
    if (!always && !never && strcmp(color, "auto") != 0) {
        code = report_usage(&line, "color is \"%s\", expected auto, always or never", color);
    } else if (open_texts(&line, input, &texts, &code)) {
        heed_status status = heed_model_open(line.context, model_name, &model);
        code = status == HEED_OK ? draw_all(&line, model, &texts, always || (!never && terminal_has_colors()))
                                 : report_failure(&line, status);
        close_texts(&texts);
    }
    heed_model_close(model);
    close_invocation(&line);
    return finish_output(attend.name, code);
}
