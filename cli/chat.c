/* heed chat: a conversation with a model, at a terminal or in a pipe. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "line_edit.h"
#include "memory.h"
#include "models.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

static const char *model_name, *input, *system_text, *template_file, *tools_file, *load_file, *variable;
static bool json, renders;

static const own_option own[] = {
    {"model", 'm', "MODEL", "language model with a chat template (default: heed-chat)", &model_name, NULL},
    {"input", 0, "FILE", "file of messages of the user, one per line; - for standard input", &input, NULL},
    {"system", 0, "TEXT", "system message", &system_text, NULL},
    {"load", 0, "FILE", "conversation to continue: a JSON list of messages", &load_file, NULL},
    {"tools", 0, "FILE", "JSON list of tools for the template", &tools_file, NULL, "Chat template"},
    {"set", 0, "NAME=VALUE", "variable of the template, such as enable_thinking=false; may be repeated", &variable,
     NULL, "Chat template"},
    {"template", 0, "FILE", "chat template to use in place of the model's", &template_file, NULL, "Chat template"},
    {"render", 0, NULL, "print the text that the template makes of each message, and generate nothing", NULL, &renders,
     "Chat template"},
    {"json", 0, NULL, "print the whole conversation after each answer", NULL, &json},
    COMPUTE,
};

static const command chat = {
    .name = "chat",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Answers messages with a model that has a chat template. Each TEXT, each line of --input, or each line of\n"
        "standard input is the next message of one conversation. Each answer is printed on one line. On a\n"
        "terminal without TEXT, the messages are typed, with editing and a history, and answers are printed\n"
        "token by token. Ctrl-C stops an answer, Ctrl-D ends the conversation, and /help lists the commands.\n"
        "Settings come from the model's generation_config.json. Options override them.\n"
        "If the conversation exceeds the model's context, its oldest turns are left out, and a note says so.\n"
        "--json prints [{\"generated_text\": [{\"role\": …, \"content\": …}, …]}].\n"
        "  $ heed chat \"How do I list models?\"\n"
        "  Use heed models. It lists the shipped models and those in the Hugging Face cache.\n"
        "--render shows what the model reads:\n"
        "  $ heed chat -m shakespeare --template examples/chat.jinja --render --system Rhyme. 'Good day!'\n"
        "  system: Rhyme.\n"
        "  user: Good day!\n"
        "  assistant:\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_generate_options,
    .notes = true,
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number) {
    (void)number;
    interrupted = 1;
}

/* An answer that is printed while it is generated. */
static bool print_words(void *user, size_t index, const char *text, size_t size) {
    bool *begun = user;
    (void)index;
    *begun = true;
    put_lines(text, size);
    return flush_output() && !interrupted;
}

/* Of an answer that is printed when it is complete. */
static bool go_on(void *user, size_t index, const char *text, size_t size) {
    (void)user, (void)index, (void)text, (void)size;
    return !interrupted;
}

/* ---- files ---- */

/* The whole file for the caller to free; NULL, with *code set, after a failure, which was reported. */
static char *read_file(const invocation *line, const char *path, size_t *size, int *code) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *text = NULL;
    size_t room = 0;
    *size = 0;
    while (file && !ferror(file) && !feof(file)) {
        if (*size == room) text = grow_memory(text, room = room ? 2 * room : 1 << 14, 1);
        *size += fread(text + *size, 1, room - *size, file);
    }
    bool failed = !file || ferror(file);
    if (file && file != stdin) fclose(file);
    if (!failed) return text ? text : grow_memory(NULL, 1, 1);
    print_message("heed %s: %s: cannot be read", line->command->name, path);
    free(text);
    *code = EXIT_FAILED;
    return NULL;
}

static bool save(const invocation *line, heed_chat *conversation, const char *path) {
    char *text;
    if (heed_chat_messages(conversation, &text) != HEED_OK) return false;
    FILE *file = fopen(path, "wb");
    bool saved = file && fputs(text, file) >= 0 && fputc('\n', file) != EOF;
    if (file && fclose(file) != 0) saved = false;
    heed_free(line->context, text);
    if (!saved) print_message("heed chat: %s: cannot be written", path);
    return saved;
}

/* ---- opening ---- */

/* Sets a variable from "NAME=VALUE": the value is JSON, or else a text. */
static heed_status set_variable(heed_chat *conversation, const char *given) {
    const char *equals = strchr(given, '=');
    size_t size = equals ? (size_t)(equals - given) : strlen(given);
    char *name = grow_memory(NULL, size + 1, 1);
    memcpy(name, given, size);
    name[size] = 0;
    const char *value = equals ? equals + 1 : "true";
    heed_status status = heed_chat_set(conversation, name, value, strlen(value));
    if (status == HEED_FORMAT && value[0] != '{' && value[0] != '[') { /* no JSON: a text */
        char *quoted = grow_memory(NULL, 6 * strlen(value) + 3, 1), *at = quoted;
        *at++ = '"';
        for (; *value; value++) {
            if ((unsigned char)*value < ' ') {
                at += sprintf(at, "\\u%04x", (unsigned)*value);
                continue;
            }
            if (*value == '"' || *value == '\\') *at++ = '\\';
            *at++ = *value;
        }
        *at++ = '"';
        status = heed_chat_set(conversation, name, quoted, (size_t)(at - quoted));
        free(quoted);
    }
    free(name);
    return status;
}

static heed_status set_template(heed_chat *conversation, const char *text, size_t size) {
    return heed_chat_set_template(conversation, template_file, text, size);
}
static heed_status set_tools(heed_chat *conversation, const char *text, size_t size) {
    return heed_chat_set(conversation, "tools", text, size);
}

/* Reports what is wrong in a file: the library knows its text alone. */
static int report_file(const invocation *line, const char *path, heed_status status) {
    print_message("heed chat: %s: %s", path, heed_context_message(line->context));
    return status == HEED_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
}

/* Passes a file of an option, if it was given, to a function. */
static bool pass_file(const invocation *line, heed_chat *conversation, const char *path,
                      heed_status (*take)(heed_chat *, const char *, size_t), int *code) {
    size_t size;
    if (!path) return true;
    char *text = read_file(line, path, &size, code);
    if (!text) return false;
    heed_status status = take(conversation, text, size);
    free(text);
    if (status != HEED_OK) /* the name of a template is in the message */
        *code = path == template_file ? report_failure(line, status) : report_file(line, path, status);
    return status == HEED_OK;
}

static bool prepare(const invocation *line, heed_chat *conversation, int *code) {
    if (!pass_file(line, conversation, template_file, set_template, code) ||
        !pass_file(line, conversation, tools_file, set_tools, code))
        return false;
    heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && nth_value(line, "set", i); i++)
        status = set_variable(conversation, nth_value(line, "set", i));
    if (status == HEED_OK && system_text)
        status = heed_chat_add(conversation, "system", system_text, strlen(system_text));
    if (status != HEED_OK) *code = report_failure(line, status);
    return status == HEED_OK && pass_file(line, conversation, load_file, heed_chat_add_json, code);
}

/* ---- answers ---- */

static heed_status print_rendered(const invocation *line, heed_chat *conversation) {
    char *text;
    size_t size;
    heed_status status = heed_chat_render(conversation, true, &text, &size);
    if (status != HEED_OK) return status;
    put_lines(text, size);
    if (!size || text[size - 1] != '\n') putchar('\n');
    heed_free(line->context, text);
    return HEED_OK;
}

static heed_status print_conversation(const invocation *line, heed_chat *conversation) {
    char *messages;
    heed_status status = heed_chat_messages(conversation, &messages);
    if (status != HEED_OK) return status;
    printf("[{\"generated_text\": %s}]\n", messages);
    heed_free(line->context, messages);
    return HEED_OK;
}

/* Answers the conversation, and prints the answer: token by token if `streams`, else on one line. */
static heed_status print_answer(const invocation *line, heed_chat *conversation, bool streams) {
    heed_results *results;
    bool begun = false;
    if (renders) return print_rendered(line, conversation);
    interrupted = 0;
    heed_status status = heed_chat_answer(conversation, line->options, streams ? print_words : go_on, &begun, &results);
    if (status != HEED_OK) {
        if (begun) putchar('\n');
        return status;
    }
    if (json) {
        status = print_conversation(line, conversation);
    } else {
        if (!streams) put_line_text(heed_results_text(results, 0, 0), heed_results_size(results, 0, 0));
        putchar('\n');
    }
    heed_results_close(results);
    return status;
}

/* Adds a message of the user, and answers it. If that fails, the conversation is as it was. */
static heed_status converse(const invocation *line, heed_chat *conversation, const char *text, size_t size,
                            bool streams) {
    char *before;
    heed_status status = heed_chat_messages(conversation, &before);
    if (status != HEED_OK) return status;
    status = heed_chat_add(conversation, "user", text, size);
    if (status == HEED_OK) status = print_answer(line, conversation, streams);
    if (status != HEED_OK || renders) {
        char *message = grow_memory(NULL, strlen(heed_context_message(line->context)) + 1, 1);
        strcpy(message, heed_context_message(line->context));
        heed_chat_reset(conversation, false);
        heed_status restored = heed_chat_add_json(conversation, before, strlen(before));
        if (status != HEED_OK) print_message("heed chat: %s", message);
        free(message);
        if (restored != HEED_OK && status == HEED_OK) status = restored;
    }
    heed_free(line->context, before);
    return status;
}

/* Whether the next message may have an answer after this failure. */
static bool goes_on(heed_status status) { return status == HEED_OK || status == HEED_FORMAT || status == HEED_LENGTH; }

static void answer_texts(const invocation *line, heed_chat *conversation, text_source *texts, int *code) {
    heed_status status = HEED_OK;
    while (goes_on(status) && !interrupted && next_texts(texts))
        for (size_t i = 0; i < texts->count && goes_on(status) && !interrupted; i++) {
            if (!texts->items[i]) {
                report_text(texts, i, too_long);
                status = HEED_LENGTH;
            } else {
                status = converse(line, conversation, texts->items[i], texts->sizes[i], false);
            }
            if (status != HEED_OK) {
                putchar('\n');
                *code = EXIT_FAILED;
            }
            if (!flush_output()) return;
        }
    if (texts->failed || interrupted) *code = EXIT_FAILED;
}

/* ---- at a terminal ---- */

static const char help_text[] =
    "/system TEXT  begin anew with this system message\n"
    "/reset        begin anew\n"
    "/save FILE    write the conversation, a JSON list of messages\n"
    "/load FILE    continue a conversation that was saved\n"
    "/exit         end, like Ctrl-D\n";

/* The rest of a line after the command and the spaces behind it; NULL if the line has another command. */
static const char *after_command(const char *line, const char *word) {
    size_t size = strlen(word);
    if (strncmp(line, word, size) != 0 || (line[size] && line[size] != ' ')) return NULL;
    return line + size + strspn(line + size, " ");
}

/* False for /exit. */
static bool run_command(const invocation *line, heed_chat *conversation, const char *text) {
    const char *rest;
    int code;
    heed_status status = HEED_OK;
    if (after_command(text, "/exit") || after_command(text, "/quit")) return false;
    if (after_command(text, "/help")) {
        fputs(help_text, stdout);
    } else if (after_command(text, "/reset")) {
        heed_chat_reset(conversation, true);
    } else if ((rest = after_command(text, "/system"))) {
        heed_chat_reset(conversation, false);
        if (*rest) status = heed_chat_add(conversation, "system", rest, strlen(rest));
    } else if ((rest = after_command(text, "/save"))) {
        save(line, conversation, rest);
    } else if ((rest = after_command(text, "/load"))) {
        size_t size;
        char *messages = read_file(line, rest, &size, &code);
        if (messages) heed_chat_reset(conversation, false);
        if (messages && heed_chat_add_json(conversation, messages, size) != HEED_OK)
            report_file(line, rest, HEED_FORMAT);
        free(messages);
    } else {
        print_message("heed chat: \"%s\" is no command; /help lists them", text);
    }
    if (status != HEED_OK) report_failure(line, status);
    return true;
}

static void answer_person(const invocation *line, heed_chat *conversation, int *code) {
    bool more = true;
    heed_status status = HEED_OK;
    while (more && goes_on(status)) {
        interrupted = 0;
        char *text = edit_line("> ");
        if (!text && interrupted) { /* Ctrl-C drops the line */
            putchar('\n');
            continue;
        }
        more = text;
        if (text && text[0] == '/')
            more = run_command(line, conversation, text);
        else if (text && !heed_text_is_blank(text, strlen(text)))
            status = converse(line, conversation, text, strlen(text), !json && !renders);
        else if (!text)
            putchar('\n');
        free(text);
        more = more && flush_output();
    }
    if (!goes_on(status)) *code = EXIT_FAILED;
}

/* ---- the verb ---- */

static void answer_all(const invocation *line, heed_chat *conversation, text_source *texts, bool typed, int *code) {
    struct sigaction stop = {.sa_handler = interrupt, .sa_flags = typed ? SA_RESTART : 0};
    sigaction(SIGINT, &stop, NULL);
    *code = EXIT_DONE;
    if (typed)
        answer_person(line, conversation, code);
    else
        answer_texts(line, conversation, texts, code);
}

/* Options of generate that need more than one answer, or print something else. */
static bool check_options(const invocation *line, int *code) {
    static const char *const others[] = {"best", "logprobs", "top-logprobs"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!was_given(line, others[i])) continue;
        *code = report_usage(line, "--%s has no effect on a conversation", others[i]);
        return false;
    }
    return true;
}

int run_chat(int count, char **words) {
    invocation line;
    text_source texts;
    int code;
    model_name = input = system_text = template_file = tools_file = load_file = variable = NULL;
    if (!open_invocation(&chat, count, words, &line, &code)) return code;
    bool typed = !input && !line.text_count && isatty(STDIN_FILENO);
    if (check_options(&line, &code) && (typed || open_texts(&line, input, &texts, &code))) {
        heed_model *model;
        heed_chat *conversation = NULL;
        if (open_model(&line, model_name, "heed-chat", "pull one, such as: heed pull Qwen/Qwen3-0.6B", &model, &code)) {
            heed_status status = heed_chat_open(model, &conversation);
            if (status != HEED_OK) code = report_failure(&line, status);
            if (status == HEED_OK && prepare(&line, conversation, &code))
                answer_all(&line, conversation, &texts, typed, &code);
        }
        heed_chat_close(conversation);
        heed_model_close(model);
        if (!typed) close_texts(&texts);
    }
    close_invocation(&line);
    return finish_output(chat.name, code);
}
