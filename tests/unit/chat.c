/* tasks: conversations: which template is used, what it reads, whether saved folders keep it; answers, which keep what they have
 * computed, and the tool calls in them. */
#include "failing.h"

#include "models/model.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/heed-chat-XXXXXX";

static void write_file(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!text) {
        unlink(path);
        return;
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state) {
    char path[256];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/additional_chat_templates", folder);
    return mkdir(path, 0777);
}

static int remove_folder(void **state) {
    static const char *const names[] = {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja",
                                        "additional_chat_templates/tool_use.jinja"};
    char path[256];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) write_file(names[i], NULL);
    snprintf(path, sizeof path, "%s/additional_chat_templates", folder);
    rmdir(path);
    rmdir(folder);
    return 0;
}

static heed_status render(heed_context *context, const char *tools, char **text) {
    heed_chat *chat;
    size_t size;
    *text = NULL;
    heed_status status = heed_chat_open_template(context, folder, &chat);
    if (status != HEED_OK) return status;
    if (tools) status = heed_chat_set(chat, "tools", tools, strlen(tools));
    if (status == HEED_OK) status = heed_chat_add(chat, "user", "Hi", 2);
    if (status == HEED_OK) status = heed_chat_render(chat, true, text, &size);
    heed_chat_close(chat);
    return status;
}

static void expect(heed_context *context, const char *tools, const char *expected) {
    char *text;
    assert_ok(context, render(context, tools, &text));
    assert_string_equal(text, expected);
    heed_free(context, text);
}

static const char some_tools[] = "[{\"type\": \"function\"}]";

/* chat_template.jinja and additional_chat_templates win over tokenizer_config.json. */
static void choice(void **state) {
    (void)state;
    heed_context *context = open_context();
    write_file("tokenizer_config.json",
               "{\"bos_token\": {\"content\": \"<s>\"}, \"chat_template\": \"{{ bos_token }}{{ messages[0].content }}"
               "{{ eos_token }}{{ pad_token }}{{ add_generation_prompt }}{{ tools }}\"}");
    write_file("special_tokens_map.json", "{\"bos_token\": \"<other>\", \"eos_token\": \"</s>\"}");
    expect(context, NULL, "<s>Hi</s>TrueNone");
    expect(context, "[]", "<s>Hi</s>TrueNone");
    expect(context, some_tools, "<s>Hi</s>True[{'type': 'function'}]");
    write_file("tokenizer_config.json",
               "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"tools\"},"
               "{\"name\": \"default\", \"template\": \"plain\"}]}");
    expect(context, NULL, "plain");
    expect(context, some_tools, "tools");
    write_file("chat_template.jinja", "file {{ eos_token }}\n");
    expect(context, some_tools, "file </s>");
    write_file("additional_chat_templates/tool_use.jinja", "more");
    expect(context, NULL, "file </s>");
    expect(context, some_tools, "more");
    heed_context_close(context);
}

static void failures(void **state) {
    (void)state;
    char *text;
    heed_context *context = open_context();
    write_file("additional_chat_templates/tool_use.jinja", NULL);
    write_file("chat_template.jinja", "\n{% if %}");
    assert_int_equal(render(context, NULL, &text), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "/chat_template.jinja: line 2: Expected an expression"));
    write_file("chat_template.jinja", "a\n{{ raise_exception('roles must alternate') }}");
    assert_int_equal(render(context, NULL, &text), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "/chat_template.jinja: line 2: roles must alternate"));
    assert_int_equal(render(context, "{}", &text), HEED_FORMAT);
    assert_string_equal(heed_context_message(context), "tools is no list");
    write_file("chat_template.jinja", NULL);
    write_file("tokenizer_config.json", "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"x\"}]}");
    assert_int_equal(render(context, NULL, &text), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "several chat templates, but none is the default"));
    write_file("tokenizer_config.json", "{\"chat_template\": 5}");
    assert_int_equal(render(context, NULL, &text), HEED_FORMAT);
    write_file("tokenizer_config.json", "{}");
    assert_int_equal(render(context, NULL, &text), HEED_UNSUPPORTED);
    assert_non_null(
        strstr(heed_context_message(context), "the model has no chat template; \"generate\" continues texts"));
    heed_context_close(context);
}

/* Messages reach the template as transformers passes them: without null, and with reasoning under all its names. */
static void messages(void **state) {
    static const char given[] =
        "[{\"role\": \"user\", \"content\": \"a\", \"name\": null}, {\"role\": \"assistant\", \"content\": \"b\","
        "\"reasoning\": \"r\"}]";
    static const char template[] = "{% for m in messages %}{{ m }}{% endfor %}{{ x }}{{ add_generation_prompt }}";
    (void)state;
    heed_chat *chat;
    char *text;
    size_t size;
    heed_context *context = open_context();
    assert_ok(context, heed_chat_open_template(context, folder, &chat));
    assert_ok(context, heed_chat_set_template(chat, "t", template, sizeof template - 1));
    assert_ok(context, heed_chat_add_json(chat, given, sizeof given - 1));
    assert_ok(context, heed_chat_set(chat, "x", "{\"k\": [1.5]}", 12));
    assert_ok(context, heed_chat_render(chat, false, &text, &size));
    assert_string_equal(text,
                        "{'role': 'user', 'content': 'a'}{'thinking': 'r', 'role': 'assistant', 'content': 'b', "
                        "'reasoning': 'r', 'reasoning_content': 'r'}{'k': [1.5]}False");
    assert_int_equal(size, strlen(text));
    heed_free(context, text);
    assert_int_equal(heed_chat_add_json(chat, "{\"content\": 1}", 14), HEED_FORMAT);
    assert_int_equal(heed_chat_add_json(chat, "{", 1), HEED_FORMAT);
    assert_int_equal(heed_chat_add(chat, "user", "\xFF", 1), HEED_FORMAT);
    assert_int_equal(heed_chat_set(chat, "messages", "[]", 2), HEED_ARGUMENT);
    assert_int_equal(heed_chat_count(chat), 2);
    heed_chat_reset(chat, true);
    assert_int_equal(heed_chat_count(chat), 0);
    assert_ok(context, heed_chat_add(chat, "system", "s", 1));
    assert_ok(context, heed_chat_add(chat, "user", "u", 1));
    heed_chat_reset(chat, true);
    assert_ok(context, heed_chat_messages(chat, &text));
    assert_string_equal(text, "[{\"role\":\"system\",\"content\":\"s\"}]");
    heed_free(context, text);
    heed_chat_close(chat);
    heed_context_close(context);
}

static void tool_calls(void **state) {
    static const char one[] = "[{\"type\":\"function\",\"function\":{\"name\":\"add\",\"arguments\":{\"a\":1}}}]";
    static const char *const same[] = {
        "Let me see.\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>",
        "<tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1}}", /* cut off */
        "<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>",
        "[TOOL_CALLS] [{\"name\": \"add\", \"arguments\": {\"a\": 1}, \"id\": \"123456789\"}]</s>",
        "[TOOL_CALLS]add[ARGS]{\"a\": 1}",
        "<|python_tag|>{\"name\": \"add\", \"parameters\": {\"a\": 1}}<|eom_id|>",
        "{\"name\": \"add\", \"parameters\": {\"a\": 1}}",
        "functools[{\"name\": \"add\", \"arguments\": {\"a\": 1}}]",
        "[{\"type\": \"function\", \"function\": {\"name\": \"add\", \"arguments\": \"{\\\"a\\\": 1}\"}}]"};
    static const char *const none[] = {"",       "plain text",  "{\"a\": 1}",   "<tool_call>{</tool_call>",
                                       "[1, 2]", "<tool_call>", "[TOOL_CALLS]", "{\"name\": 5, \"arguments\": {}}",
                                       "[ARGS]{"};
    (void)state;
    char *json;
    heed_context *context = open_context();
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_ok(context, heed_chat_tool_calls(context, same[i], strlen(same[i]), &json));
        assert_string_equal(json, one);
        heed_free(context, json);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_ok(context, heed_chat_tool_calls(context, none[i], strlen(none[i]), &json));
        assert_string_equal(json, "[]");
        heed_free(context, json);
    }
    static const char two[] =
        "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>\n<tool_call>{\"name\": \"g\","
        "\"arguments\": {\"b\": [true]}}</tool_call>";
    assert_ok(context, heed_chat_tool_calls(context, two, sizeof two - 1, &json));
    assert_string_equal(json,
                        "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":{}}},"
                        "{\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":{\"b\":[true]}}}]");
    heed_free(context, json);
    heed_context_close(context);
}

/* ---- saved folders ---- */

static void copy_model_file(const char *name) {
    char from[512], to[512];
    snprintf(from, sizeof from, "%s/generation/llama/%s", GOLDEN, name);
    snprintf(to, sizeof to, "%s/%s", folder, name);
    unlink(to);
    assert_int_equal(symlink(from, to), 0);
}

static const char *const model_files[] = {"config.json", "model.safetensors", "tokenizer.json"};

/* The file of a folder that was saved; "" if it is missing. */
static void read_saved(const char *name, char *text, size_t size) {
    char path[512];
    snprintf(path, sizeof path, "%s/saved/%s", folder, name);
    FILE *file = fopen(path, "rb");
    text[file ? fread(text, 1, size - 1, file) : 0] = 0;
    if (file) fclose(file);
    unlink(path);
}

/* Saves the model of the folder: the texts of its templates. */
static void save_model(heed_context *context, char (*texts)[64]) {
    char saved[300];
    heed_model *model;
    snprintf(saved, sizeof saved, "%s/saved", folder);
    assert_ok(context, hd_model_open(context, folder, HD_OPEN_TO_TRAIN, &model));
    assert_ok(context, hd_model_save(model, saved, HD_F32, "A card.\n"));
    hd_model_close(model);
    read_saved("chat_template.jinja", texts[0], sizeof texts[0]);
    read_saved("additional_chat_templates/tool_use.jinja", texts[1], sizeof texts[1]);
    char text[64];
    for (size_t i = 0; hd_model_file(i); i++) read_saved(hd_model_file(i), text, sizeof text);
    snprintf(saved, sizeof saved, "%s/saved/additional_chat_templates", folder);
    rmdir(saved);
    snprintf(saved, sizeof saved, "%s/saved", folder);
    assert_int_equal(rmdir(saved), 0);
}

/* A saved folder has the templates of the opened one, in files of their own. */
static void saved_folders_keep_templates(void **state) {
    char texts[2][64];
    (void)state;
    heed_context *context = open_context();
    for (size_t i = 0; i < sizeof model_files / sizeof *model_files; i++) copy_model_file(model_files[i]);
    write_file("tokenizer_config.json", "{}");
    save_model(context, texts);
    assert_string_equal(texts[0], "");
    assert_string_equal(texts[1], "");
    write_file("chat_template.jinja", "{{ a }}\n");
    write_file("additional_chat_templates/tool_use.jinja", "more\n\n");
    save_model(context, texts);
    assert_string_equal(texts[0], "{{ a }}\n");
    assert_string_equal(texts[1], "more\n\n");
    write_file("chat_template.jinja", NULL);
    write_file("additional_chat_templates/tool_use.jinja", NULL);
    write_file("tokenizer_config.json",
               "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"tools\"},"
               "{\"name\": \"default\", \"template\": \"plain\"}]}");
    save_model(context, texts);
    assert_string_equal(texts[0], "plain");
    assert_string_equal(texts[1], "tools");
    for (size_t i = 0; i < sizeof model_files / sizeof *model_files; i++) write_file(model_files[i], NULL);
    heed_context_close(context);
}

/* ---- answers ---- */

typedef struct log_of_tokens {
    long long before; /* tokens that were computed before; 0: none */
} log_of_tokens;

static void keep_tokens(void *user, const char *note) {
    log_of_tokens *log = user;
    sscanf(note, "%lld tokens of the conversation were computed before", &log->before);
}

static size_t count_tokens(heed_model *model, const char *text) {
    hd_encoding encoding = {0};
    assert_ok(model->context,
              hd_tokenizer_encode(model->tokenizer, model->context, text, strlen(text), false, &encoding));
    size_t count = encoding.count;
    hd_encoding_close(&encoding);
    return count;
}

/* The text of a conversation that this one begins with, up to the end of its answer. */
static size_t count_rendered(heed_chat *chat, heed_model *model) {
    char *text;
    size_t size;
    assert_ok(model->context, heed_chat_render(chat, false, &text, &size));
    char *end = strstr(text, "<|endoftext|>"), *next;
    while (end && (next = strstr(end + 1, "<|endoftext|>"))) end = next;
    if (end) *end = 0;
    size_t count = count_tokens(model, text);
    heed_free(model->context, text);
    return count;
}

static float answer(heed_context *context, heed_chat *chat, const heed_options *options, const char *text,
                    char *answered, size_t size) {
    heed_results *results;
    assert_ok(context, heed_chat_add(chat, "user", text, strlen(text)));
    assert_ok(context, heed_chat_answer(chat, options, NULL, NULL, &results));
    snprintf(answered, size, "%s", heed_results_text(results, 0, 0));
    float score = heed_results_score(results, 0, 0);
    heed_results_close(results);
    return score;
}

enum { QUESTIONS = 4 };
static const char *const questions[QUESTIONS] = {"Hi", "How can I translate a text?", "what is BLEU", "Hi"};

static void converse_twice(heed_context *context, heed_model *model, const heed_options *options, log_of_tokens *log) {
    heed_chat *chat, *other;
    char answers[QUESTIONS][256], same[256];
    float scores[QUESTIONS];
    assert_ok(context, heed_chat_open(model, &chat));
    for (int i = 0; i < QUESTIONS; i++) {
        size_t before = i ? count_rendered(chat, model) : 0;
        log->before = 0;
        scores[i] = answer(context, chat, options, questions[i], answers[i], sizeof answers[i]);
        assert_int_equal(log->before, before);
    }
    for (int i = 1; i < QUESTIONS; i++) { /* without what was computed before */
        assert_ok(context, heed_chat_open(model, &other));
        for (int j = 0; j < i; j++) {
            assert_ok(context, heed_chat_add(other, "user", questions[j], strlen(questions[j])));
            assert_ok(context, heed_chat_add(other, "assistant", answers[j], strlen(answers[j])));
        }
        log->before = 0;
        float score = answer(context, other, options, questions[i], same, sizeof same);
        assert_int_equal(log->before, 0);
        assert_string_equal(same, answers[i]);
        assert_memory_equal(&score, &scores[i], sizeof score);
        heed_chat_close(other);
    }
    heed_chat_close(chat);
}

static heed_context *open_logged(log_of_tokens *log, heed_model **model) {
    heed_context *context = open_context();
    assert_ok(context, heed_model_open(context, PROJECT "/models/heed-chat", model));
    heed_context_set_log(context, keep_tokens, log);
    heed_context_set_verbose(context, true);
    return context;
}

/* An answer computes the tokens alone that the conversation did not have before; a new conversation has the same answers. With
 * proposed tokens, some were processed that are not those of the answer. */
static void answers_compute_new_tokens_alone(void **state) {
    (void)state;
    log_of_tokens log = {0};
    heed_model *model;
    heed_options *options;
    heed_context *context = open_logged(&log, &model);
    converse_twice(context, model, NULL, &log);
    assert_ok(context, heed_generate_options(context, &options));
    assert_ok(context, heed_options_set(options, "prompt-lookup", "8"));
    converse_twice(context, model, options, &log);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
}

static bool is_stopped(void *user) {
    int *left = user;
    return --*left < 0;
}

/* An answer that was stopped leaves nothing that the next one runs into. */
static void an_answer_follows_one_that_was_stopped(void **state) {
    (void)state;
    log_of_tokens log = {0};
    heed_model *model;
    heed_chat *chat;
    heed_results *results;
    char texts[2][256];
    int left = 3;
    heed_context *context = open_logged(&log, &model);
    assert_ok(context, heed_chat_open(model, &chat));
    answer(context, chat, NULL, questions[1], texts[0], sizeof texts[0]);
    heed_chat_reset(chat, false);
    assert_ok(context, heed_chat_add(chat, "user", "Hi", 2));
    heed_context_set_stop(context, is_stopped, &left);
    assert_int_equal(heed_chat_answer(chat, NULL, NULL, NULL, &results), HEED_STOPPED);
    heed_context_set_stop(context, NULL, NULL);
    heed_chat_reset(chat, false);
    log.before = 0;
    answer(context, chat, NULL, questions[1], texts[1], sizeof texts[1]);
    assert_int_equal(log.before, 0);
    assert_string_equal(texts[1], texts[0]);
    heed_chat_close(chat);
    heed_model_close(model);
    heed_context_close(context);
}

/* A draft that was set or closed since the last answer. */
static void a_draft_may_change_between_answers(void **state) {
    (void)state;
    heed_model *model, *draft;
    heed_chat *chat;
    char texts[3][256];
    heed_context *context = open_context();
    assert_ok(context, heed_model_open(context, PROJECT "/models/heed-chat", &model));
    assert_ok(context, heed_model_open(context, PROJECT "/models/heed-chat", &draft));
    assert_ok(context, heed_chat_open(model, &chat));
    for (int i = 0; i < 3; i++) {
        assert_ok(context, heed_model_set_draft(model, i == 1 ? draft : NULL));
        if (i == 2) heed_model_close(draft);
        heed_chat_reset(chat, false);
        answer(context, chat, NULL, "what is BLEU", texts[i], sizeof texts[i]);
        assert_string_equal(texts[i], texts[0]);
    }
    heed_chat_close(chat);
    heed_model_close(model);
    heed_context_close(context);
}

static heed_model *shared_model;

/* Two answers, of which the second one uses what the first one has computed. */
static heed_status converse(heed_context *context, heed_model *model) {
    static const char template[] = "{% for m in messages %}{{ m.content }} {% endfor %}";
    heed_chat *chat = NULL;
    heed_options *options = NULL;
    heed_status status = heed_generate_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "max-new-tokens", "2");
    if (status == HEED_OK) status = heed_chat_open(model, &chat);
    if (status == HEED_OK) status = heed_chat_set_template(chat, "t", template, sizeof template - 1);
    for (int i = 0; i < 2 && status == HEED_OK; i++) {
        heed_results *results = NULL;
        status = heed_chat_add(chat, "user", "a b", 3);
        if (status == HEED_OK) status = heed_chat_answer(chat, options, NULL, NULL, &results);
        heed_results_close(results);
    }
    heed_chat_close(chat);
    heed_options_close(options);
    return status;
}

static heed_status converse_with_shared(heed_context *context) {
    heed_model *model;
    context->threads = 1;
    HD_TRY(heed_model_share(shared_model, context, &model));
    heed_status status = converse(context, model);
    heed_model_close(model);
    return status;
}

static void answers_without_memory(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_ok(context, heed_model_open(context, GOLDEN "/generation/llama", &shared_model));
    fail_each_allocation(converse_with_shared);
    heed_model_close(shared_model);
    heed_context_close(context);
}

static heed_status whole_conversation(heed_context *context) {
    char *text = NULL, *json = NULL;
    static const char call[] = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
    heed_status status = render(context, some_tools, &text);
    if (status == HEED_OK) status = heed_chat_tool_calls(context, call, sizeof call - 1, &json);
    heed_free(context, text);
    heed_free(context, json);
    return status;
}

static void memory(void **state) {
    (void)state;
    write_file("tokenizer_config.json",
               "{\"bos_token\": \"<s>\", \"chat_template\": \"{{ bos_token }}{{ messages }}\"}");
    write_file("additional_chat_templates/tool_use.jinja", NULL);
    fail_each_allocation(whole_conversation);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(choice),
                                       cmocka_unit_test(failures),
                                       cmocka_unit_test(messages),
                                       cmocka_unit_test(tool_calls),
                                       cmocka_unit_test(memory),
                                       cmocka_unit_test(saved_folders_keep_templates),
                                       cmocka_unit_test(answers_compute_new_tokens_alone),
                                       cmocka_unit_test(an_answer_follows_one_that_was_stopped),
                                       cmocka_unit_test(a_draft_may_change_between_answers),
                                       cmocka_unit_test(answers_without_memory)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
