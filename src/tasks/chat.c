/* Conversations: messages become a text by the model's chat template, which the model continues. */
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/float_environment.h"
#include "base/utf8.h"
#include "formats/json.h"
#include "formats/model_folder.h"
#include "tasks/chat.h"
#include "tasks/session.h"
#include "tasks/tool_calls.h"
#include "text/jinja/jinja.h"

struct heed_chat {
    heed_context *context;
    heed_model *model;             /* NULL: the conversation is only rendered */
    hd_chat_templates *own;        /* of a conversation without a model */
    const hd_chat_templates *from; /* `own`, or the model's; NULL: there are none */
    char *where;                   /* the model's folder, for messages */
    hd_chat_template *given;       /* the caller's; NULL: those of `from` */
    hd_chat_template *compiled[2]; /* of `from`: without and with tools */
    json_t *messages;              /* an array of objects */
    json_t *tools, *documents;     /* NULL: none */
    json_t *variables;             /* the caller's, by name */
    size_t dropped;                /* messages after the first system message that are no longer part of the context */
    uint64_t answers;              /* given so far: the key of random numbers */
    heed_session *session;   /* of the last answer, which keeps what the next one has in common with it; or NULL */
    const heed_model *draft; /* of the session */
    bool special_as_text;    /* of the session */
};

/* ---- opening ---- */

static heed_status fail_memory(heed_chat *chat) { return hd_json_no_memory(chat->context, "chat"); }

static heed_status open_chat(heed_context *context, const char *where, heed_chat **out) {
    heed_chat *chat = *out = hd_alloc_zeroed(context, 1, sizeof *chat);
    if (!chat) return HEED_MEMORY;
    chat->context = context;
    chat->where = hd_copy_string(context, where);
    chat->messages = json_array();
    chat->variables = json_object();
    if (!chat->where) return HEED_MEMORY;
    return chat->messages && chat->variables ? HEED_OK : fail_memory(chat);
}

static heed_status close_failed(heed_chat **out, heed_status status) {
    if (status == HEED_OK) return HEED_OK;
    heed_chat_close(*out);
    *out = NULL;
    return status;
}

heed_status heed_chat_open(heed_model *model, heed_chat **out) {
    *out = NULL;
    HD_TRY(hd_model_require(model, HD_HEAD_LANGUAGE, false, true, "a causal language model"));
    heed_status status = open_chat(model->context, model->folder ? model->folder : "the model", out);
    if (status == HEED_OK) {
        (*out)->model = model;
        (*out)->from = model->chat;
    }
    return close_failed(out, status);
}

heed_status heed_chat_open_template(heed_context *context, const char *name, heed_chat **out) {
    char *folder;
    *out = NULL;
    HD_TRY(hd_folder_exists(name) ? (folder = hd_copy_string(context, name)) ? HEED_OK : HEED_MEMORY
                                  : hd_model_folder_find(context, name, &folder));
    heed_status status = open_chat(context, folder, out);
    if (status == HEED_OK) status = hd_chat_templates_open(context, folder, &(*out)->own);
    if (status == HEED_OK) (*out)->from = (*out)->own;
    hd_free(context, folder);
    return close_failed(out, status);
}

void heed_chat_close(heed_chat *chat) {
    if (!chat) return;
    heed_session_close(chat->session);
    hd_chat_template_close(chat->given);
    for (int i = 0; i < 2; i++) hd_chat_template_close(chat->compiled[i]);
    hd_chat_templates_close(chat->own);
    json_decref(chat->messages);
    json_decref(chat->tools);
    json_decref(chat->documents);
    json_decref(chat->variables);
    hd_free(chat->context, chat->where);
    hd_free(chat->context, chat);
}

heed_status heed_chat_set_template(heed_chat *chat, const char *name, const char *text, size_t size) {
    hd_chat_template *template = NULL;
    if (text) HD_TRY(hd_chat_template_open(chat->context, name ? name : "template", text, size, &template));
    hd_chat_template_close(chat->given);
    chat->given = template;
    return HEED_OK;
}

/* ---- values from JSON ---- */

static heed_status read_json(heed_chat *chat, const char *name, const char *text, size_t size, json_t **out) {
    hd_json json;
    HD_TRY(hd_json_open_bytes(chat->context, name, text, size, HD_JSON_ANY_VALUE, &json));
    *out = json_incref(json.root);
    hd_json_close(&json);
    return HEED_OK;
}

heed_status heed_chat_set(heed_chat *chat, const char *name, const char *json, size_t size) {
    json_t *value = NULL, **own = strcmp(name, "tools") == 0       ? &chat->tools
                                  : strcmp(name, "documents") == 0 ? &chat->documents
                                                                   : NULL;
    if (strcmp(name, "messages") == 0 || strcmp(name, "add_generation_prompt") == 0)
        return hd_fail(chat->context, HEED_ARGUMENT, "%s is no variable that can be set", name);
    if (json) HD_TRY(read_json(chat, name, json, size, &value));
    if (own && value && !json_is_null(value) && !json_is_array(value)) {
        json_decref(value);
        return hd_fail(chat->context, HEED_FORMAT, "%s is no list", name);
    }
    if (own) {
        bool none = !value || json_is_null(value) || (own == &chat->tools && !json_array_size(value));
        json_decref(*own);
        *own = none ? NULL : json_incref(value);
        json_decref(value);
        return HEED_OK;
    }
    if (!value) return json_object_del(chat->variables, name), HEED_OK;
    return json_object_set_new(chat->variables, name, value) == 0 ? HEED_OK : fail_memory(chat);
}

/* ---- messages ---- */

heed_status heed_chat_add(heed_chat *chat, const char *role, const char *text, size_t size) {
    if (!hd_utf8_valid(text, size))
        return hd_fail(chat->context, HEED_FORMAT, "the message of the %s is no valid UTF-8", role);
    json_t *message = json_pack("{s:s, s:s%}", "role", role, "content", text, size);
    return message && json_array_append_new(chat->messages, message) == 0 ? HEED_OK : fail_memory(chat);
}

static heed_status check_messages(heed_chat *chat, const json_t *messages) {
    size_t i;
    const json_t *one;
    json_array_foreach(messages, i, one) if (!json_is_string(json_object_get(one, "role"))) return hd_fail(
        chat->context, HEED_FORMAT, "message %zu has no \"role\"", i + 1);
    return HEED_OK;
}

heed_status heed_chat_add_json(heed_chat *chat, const char *json, size_t size) {
    json_t *value, *list;
    HD_TRY(read_json(chat, "messages", json, size, &value));
    list = json_is_array(value) ? json_incref(value) : json_pack("[O]", value);
    json_decref(value);
    if (!list) return fail_memory(chat);
    heed_status status = check_messages(chat, list);
    if (status == HEED_OK && json_array_extend(chat->messages, list) != 0) status = fail_memory(chat);
    json_decref(list);
    return status;
}

static bool is_system(const json_t *message) {
    const char *role = json_string_value(json_object_get(message, "role"));
    return role && (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0);
}

/* 1 if the conversation begins with a system message. */
static size_t system_count(const heed_chat *chat) { return is_system(json_array_get(chat->messages, 0)); }

void heed_chat_reset(heed_chat *chat, bool keep_system) {
    size_t kept = keep_system ? system_count(chat) : 0;
    while (json_array_size(chat->messages) > kept) json_array_remove(chat->messages, kept);
    chat->dropped = 0;
}

size_t heed_chat_count(const heed_chat *chat) { return json_array_size(chat->messages); }

static heed_status dump(heed_chat *chat, const json_t *value, char **json) {
    hd_buffer out;
    hd_buffer_open(&out, chat->context);
    heed_status status = hd_json_append(chat->context, value, &out);
    *json = status == HEED_OK ? hd_buffer_take(&out) : NULL;
    hd_buffer_close(&out);
    return status == HEED_OK && !*json ? HEED_MEMORY : status;
}

heed_status heed_chat_messages(heed_chat *chat, char **json) {
    *json = NULL;
    return dump(chat, chat->messages, json);
}

/* ---- rendering ---- */

static heed_status find_template(heed_chat *chat, const hd_chat_template **out) {
    bool tools = chat->tools;
    if (chat->given) return *out = chat->given, HEED_OK;
    if (!chat->from)
        return hd_fail(chat->context, HEED_UNSUPPORTED,
                       "%s: the model has no chat template; \"generate\" continues texts", chat->where);
    const hd_chat_source *source = hd_chat_templates_find(chat->from, tools);
    if (!source)
        return hd_fail(chat->context, HEED_FORMAT, "%s: the model has several chat templates, but none is the default",
                       chat->where);
    if (!chat->compiled[tools])
        HD_TRY(hd_chat_template_open(chat->context, source->file, source->text, source->size, &chat->compiled[tools]));
    *out = chat->compiled[tools];
    return HEED_OK;
}

/* A message without the keys that are null, and with its reasoning under the names that templates read, as transformers 5.24
 * passes it (utils/chat_template_utils.py). */
static json_t *prepare_message(const json_t *message) {
    static const char *const names[] = {"reasoning_content", "thinking", "reasoning"};
    json_t *out = json_object(), *value, *reasoning = NULL;
    const char *key;
    int failed = !out;
    for (size_t i = 0; i < HD_COUNT(names) && !reasoning; i++) {
        reasoning = json_object_get(message, names[i]);
        if (json_is_null(reasoning)) reasoning = NULL;
    }
    const json_t *thinking = json_object_get(message, "thinking");
    if (reasoning && (!thinking || json_is_null(thinking))) failed |= json_object_set(out, "thinking", reasoning);
    json_object_foreach((json_t *)(uintptr_t)message, key, value) {
        if (!json_is_null(value)) failed |= json_object_set(out, key, value);
    }
    if (reasoning) failed |= json_object_set(out, "reasoning_content", reasoning);
    if (!failed) return out;
    json_decref(out);
    return NULL;
}

static json_t *prepare_messages(const heed_chat *chat) {
    size_t i, first = system_count(chat);
    const json_t *one;
    json_t *list = json_array();
    json_array_foreach(chat->messages, i, one) {
        if (i >= first && i < first + chat->dropped) continue;
        if (json_array_append_new(list, prepare_message(one)) == 0) continue;
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *or_null(json_t *value) { return value ? json_incref(value) : json_null(); }

static json_t *make_variables(const heed_chat *chat, bool prompt) {
    json_t *messages = prepare_messages(chat);
    json_t *all = messages ? json_pack("{s:o, s:o, s:o, s:b}", "messages", messages, "tools", or_null(chat->tools),
                                       "documents", or_null(chat->documents), "add_generation_prompt", prompt)
                           : NULL;
    int failed = !all;
    if (!failed && chat->from) failed |= json_object_update(all, chat->from->tokens);
    if (!failed) failed |= json_object_update(all, chat->variables);
    if (!failed) return all;
    json_decref(all);
    return NULL;
}

static heed_status render(heed_chat *chat, bool prompt, hd_buffer *out) {
    const hd_chat_template *template = NULL;
    HD_TRY(find_template(chat, &template));
    json_t *variables = make_variables(chat, prompt);
    if (!variables) return fail_memory(chat);
    heed_status status = hd_chat_template_render(template, chat->context, variables, NULL, out, NULL);
    json_decref(variables);
    return status;
}

heed_status heed_chat_render(heed_chat *chat, bool add_generation_prompt, char **text, size_t *size) {
    hd_buffer out;
    *text = NULL;
    *size = 0;
    hd_buffer_open(&out, chat->context);
    heed_status status = render(chat, add_generation_prompt, &out);
    *size = out.size;
    if (status == HEED_OK) *text = hd_buffer_take(&out);
    hd_buffer_close(&out);
    return status == HEED_OK && !*text ? HEED_MEMORY : status;
}

/* ---- a context that is too short ---- */

static heed_status count_tokens(const heed_chat *chat, const hd_buffer *text, int64_t *count) {
    hd_encoding encoding = {0};
    heed_status status = hd_tokenizer_encode(chat->model->tokenizer, chat->context, text->data ? text->data : "",
                                             text->size, false, &encoding);
    *count = (int64_t)encoding.count;
    hd_encoding_close(&encoding);
    return status;
}

/* Leaves out the oldest turn: the messages up to the next one of the user. False if no other would be left. */
static bool drop_turn(heed_chat *chat) {
    size_t first = system_count(chat) + chat->dropped, count = json_array_size(chat->messages), next = first + 1;
    for (; next < count; next++) {
        const char *role = json_string_value(json_object_get(json_array_get(chat->messages, next), "role"));
        if (role && strcmp(role, "user") == 0) break;
    }
    if (next >= count) return false;
    chat->dropped += next - first;
    return true;
}

/* The text of the last turns that fit beside an answer. */
static heed_status render_fitting(heed_chat *chat, const hd_generation *generation, hd_buffer *text) {
    int64_t longest = hd_recipe_longest(&chat->model->network->recipe), count = 0;
    int64_t quarter = longest / 4,
            room = generation->max_new_tokens ? hd_min(generation->max_new_tokens, quarter) : quarter;
    size_t before = chat->dropped;
    for (;;) {
        hd_buffer_clear(text);
        HD_TRY(render(chat, true, text));
        if (text->failed) return HEED_MEMORY;
        HD_TRY(count_tokens(chat, text, &count));
        if (longest == INT64_MAX || count + room <= longest || !drop_turn(chat)) break;
    }
    if (longest != INT64_MAX && count >= longest)
        return hd_fail(chat->context, HEED_LENGTH,
                       "the last message needs a context of %lld tokens, but the model has only %lld", (long long)count,
                       (long long)longest);
    if (chat->dropped > before)
        hd_note(chat->context,
                "the conversation is longer than the model's %lld tokens: the oldest %zu messages are "
                "not part of its context",
                (long long)longest, chat->dropped);
    return HEED_OK;
}

/* ---- answers ---- */

static void close_session(heed_chat *chat) {
    heed_session_close(chat->session);
    chat->session = NULL;
}

/* A session that begins with another draft or another reading of special tokens cannot go on. */
static heed_status open_session(heed_chat *chat) {
    const heed_model *draft = chat->model->draft;
    bool special_as_text = chat->context->special_as_text;
    if (chat->session && (chat->draft != draft || chat->special_as_text != special_as_text)) close_session(chat);
    chat->draft = draft;
    chat->special_as_text = special_as_text;
    return chat->session ? HEED_OK : hd_session_open_kept(chat->model, 1, &chat->session);
}

static void note_shared(const heed_chat *chat, int64_t shared) {
    if (chat->context->verbose && shared)
        hd_note(chat->context, "%lld tokens of the conversation were computed before", (long long)shared);
}

static heed_status decode(heed_chat *chat, const hd_decoding *settings, const hd_buffer *prompt,
                          heed_words_function *words, void *user, heed_results *results) {
    int64_t shared = 0;
    HD_TRY(open_session(chat));
    hd_session_text text = {.text = prompt->data ? prompt->data : "",
                            .size = prompt->size,
                            .number = chat->answers,
                            .words = words,
                            .user = user,
                            .settings = settings,
                            .results = results,
                            .shared = &shared};
    heed_status status = hd_session_add_text(chat->session, &text, NULL);
    while (status == HEED_OK && heed_session_is_busy(chat->session)) status = heed_session_step(chat->session);
    if (status == HEED_OK)
        note_shared(chat, shared);
    else
        close_session(chat);
    return status;
}

heed_status hd_chat_prompt(heed_chat *chat, int64_t max_new_tokens, hd_buffer *text) {
    hd_generation generation = {.max_new_tokens = max_new_tokens};
    return render_fitting(chat, &generation, text);
}

static heed_status answer(heed_chat *chat, const hd_decoding *settings, heed_words_function *words, void *user,
                          heed_results *results) {
    hd_buffer prompt;
    hd_buffer_open(&prompt, chat->context);
    heed_status status = render_fitting(chat, &settings->generation, &prompt);
    if (status == HEED_OK) status = decode(chat, settings, &prompt, words, user, results);
    hd_buffer_close(&prompt);
    HD_TRY(status);
    const hd_result *result = &results->items[0];
    if (result->problem) return hd_fail(chat->context, HEED_LENGTH, "%s", result->problem);
    chat->answers++;
    return result->count ? heed_chat_add(chat, "assistant", result->answers[0].text, result->answers[0].size) : HEED_OK;
}

heed_status heed_chat_answer(heed_chat *chat, const heed_options *options, heed_words_function *words, void *user,
                             heed_results **results) {
    hd_decoding settings;
    *results = NULL;
    if (!chat->model) return hd_fail(chat->context, HEED_ARGUMENT, "this conversation has no model, only its template");
    hd_float_environment found = hd_float_enter();
    heed_status status = hd_decoding_open(chat->model, options, &hd_generate_table, &settings);
    settings.bare = true;
    if (status == HEED_OK) status = hd_results_open(chat->context, 1, results);
    if (status == HEED_OK) status = answer(chat, &settings, words, user, *results);
    hd_decoding_close(chat->context, &settings);
    hd_float_leave(found);
    if (status == HEED_OK) return HEED_OK;
    heed_results_close(*results);
    *results = NULL;
    return status;
}

heed_status heed_chat_tool_calls(heed_context *context, const char *text, size_t size, char **json) {
    *json = NULL;
    return hd_tool_calls_read(context, text, size, json);
}
