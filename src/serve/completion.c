#include "serve/completion.h"

#include <string.h>
#include <sys/random.h>

#include "base/number.h"
#include "serve/messages.h"
#include "serve/option_json.h"

enum { CHAT = 1, TEXT = 2, BOTH = 3, MOST_ANSWERS = 128, MOST_PROMPTS = 2048 };

/* A key of a request. Rows without a function name an option. */
typedef struct key {
    const char *name;
    int endpoints;
    bool (*read)(hd_completion *r, const char *name, const json_t *value, hd_fault *fault);
    const char *option; /* NULL: none */
} key;

/* ---- values ---- */

static bool expected(hd_fault *fault, const char *name, const char *what) {
    return hd_fault_set(fault, 400, "invalid_type", name, "\"%s\" is not %s", name, what);
}

static bool unsupported(hd_fault *fault, const char *name, const char *what) {
    return hd_fault_set(fault, 400, "unsupported", name, "%s", what);
}

static bool read_count(const char *name, const json_t *value, int64_t least, int64_t most, int64_t *out,
                       hd_fault *fault) {
    if (!hd_json_value_int(value, out)) return expected(fault, name, "an integer");
    if (*out >= least && *out <= most) return true;
    return hd_fault_set(fault, 400, "invalid_value", name, "\"%s\" is %lld, expected %lld to %lld", name,
                        (long long)*out, (long long)least, (long long)most);
}

static bool read_flag(const char *name, const json_t *value, bool *out, hd_fault *fault) {
    *out = json_is_true(value);
    return json_is_boolean(value) || expected(fault, name, "true or false");
}

static bool is_text(const json_t *value) {
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

static bool set(hd_completion *r, const char *name, const char *option, const char *value, hd_fault *fault) {
    heed_status status = heed_options_set(r->options, option, value);
    return status == HEED_OK || hd_fault_from(fault, status, name, r->context->message);
}

static bool set_value(hd_completion *r, const char *name, const char *option, const json_t *value, hd_fault *fault) {
    return hd_option_set_json(r->options, name, option, value, fault);
}

/* ---- keys ---- */

static bool ignore(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    (void)r, (void)name, (void)value, (void)fault;
    return true;
}

static bool read_model(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    if (!is_text(value)) return expected(fault, name, "a string");
    r->model = json_string_value(value);
    return true;
}

static bool read_messages(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    (void)name;
    json_decref(r->messages);
    r->messages = hd_messages_read(r->context, value, fault);
    return r->messages != NULL;
}

static bool read_tools(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    if (!json_is_array(value)) return expected(fault, name, "an array");
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_object_get(json_object_get(json_array_get(value, i), "function"), "name")))
            return hd_fault_set(fault, 400, "invalid_value", name, "tool %zu has no function with a name", i + 1);
    r->tools = value;
    return true;
}

static bool read_tool_choice(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    const char *text = json_string_value(value);
    if (text && strcmp(text, "auto") == 0) return true;
    if (!text || strcmp(text, "none") != 0)
        return unsupported(fault, name, "\"tool_choice\" is neither \"auto\" nor \"none\": heed does not force calls");
    json_object_del(r->json.root, "tools"); /* its row is read later */
    r->tools = NULL;
    return true;
}

static bool read_variables(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    r->variables = value;
    return json_is_object(value) || expected(fault, name, "an object");
}

static bool read_effort(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    r->effort = value;
    return json_is_string(value) || expected(fault, name, "a string");
}

static bool read_prompts(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    r->prompts = value;
    if (json_is_string(value)) return true;
    if (!json_is_array(value) || !json_array_size(value)) return expected(fault, name, "a string or an array of them");
    if (json_array_size(value) > MOST_PROMPTS)
        return hd_fault_set(fault, 400, "invalid_value", name, "%zu prompts are more than %d", json_array_size(value),
                            MOST_PROMPTS);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)))
            return unsupported(fault, name, "a prompt is not a string: heed does not take token ids");
    return true;
}

static bool read_n(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    return read_count(name, value, 1, MOST_ANSWERS, &r->n, fault);
}

static bool read_stream(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    return read_flag(name, value, &r->stream, fault);
}

static bool read_stream_options(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    const json_t *usage = json_object_get(value, "include_usage");
    if (!json_is_object(value)) return expected(fault, name, "an object");
    return !usage || read_flag("stream_options.include_usage", usage, &r->usage, fault);
}

static bool read_echo(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    return read_flag(name, value, &r->echo, fault);
}

static bool read_best_of(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    (void)r;
    return json_integer_value(value) == 1 ||
           unsupported(fault, name, "heed has no \"best_of\"; \"n\" gives all answers");
}

static bool read_suffix(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    (void)r;
    return (json_is_string(value) && !json_string_length(value)) ||
           unsupported(fault, name, "heed does not insert text before a suffix");
}

static bool read_stop(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    if (is_text(value)) return set(r, name, "stop", json_string_value(value), fault);
    if (!json_is_array(value)) return expected(fault, name, "a string or an array of them");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *one = json_array_get(value, i);
        if (!is_text(one)) return expected(fault, name, "a string or an array of them");
        if (!set(r, name, "stop", json_string_value(one), fault)) return false;
    }
    return true;
}

static bool read_limit(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    return read_count(name, value, 1, 1 << 20, &r->max_new_tokens, fault);
}

/* In a chat true or false, else the number of alternatives. */
static bool read_log_probs(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    if (r->chat) return read_flag(name, value, &r->log_probs, fault);
    r->log_probs = true;
    return read_count(name, value, 0, 20, &r->top_log_probs, fault);
}

static bool read_top_log_probs(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    return read_count(name, value, 0, 20, &r->top_log_probs, fault);
}

static bool read_seed(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    r->seed = value;
    return json_is_integer(value) || expected(fault, name, "an integer");
}

static bool read_sample(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    bool samples;
    if (!read_flag(name, value, &samples, fault)) return false;
    r->sampling = samples;
    return true;
}

static bool read_response_format(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    const char *type = json_string_value(json_object_get(value, "type"));
    if (type && strcmp(type, "text") == 0) return true;
    if (type && strcmp(type, "json_object") == 0) return set(r, name, "json-object", NULL, fault);
    if (!type || strcmp(type, "json_schema") != 0)
        return hd_fault_set(fault, 400, "invalid_value", name,
                            "the type of \"response_format\" is none of \"text\", \"json_object\" and \"json_schema\"");
    const json_t *schema = json_object_get(json_object_get(value, "json_schema"), "schema");
    if (!json_is_object(schema)) return expected(fault, "response_format.json_schema.schema", "an object");
    hd_buffer text;
    hd_buffer_open(&text, r->context);
    heed_status status = hd_json_append(r->context, schema, &text);
    bool fine = status == HEED_OK ? set(r, name, "json-schema", text.data, fault)
                                  : hd_fault_from(fault, status, name, r->context->message);
    hd_buffer_close(&text);
    return fine;
}

/* Rules alone: the option also takes the name of a file. */
static bool read_grammar(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    if (!is_text(value) || !strstr(json_string_value(value), "::="))
        return expected(fault, name, "a grammar in GBNF notation");
    return set(r, name, "grammar", json_string_value(value), fault);
}

static bool read_biases(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    const char *token;
    json_t *bias;
    if (!json_is_object(value)) return expected(fault, name, "an object");
    json_object_foreach((json_t *)(uintptr_t)value, token, bias) {
        char text[64], number[32];
        int64_t id;
        if (!hd_read_int(token, &id) || id < 0 || !json_is_number(bias))
            return hd_fault_set(fault, 400, "invalid_value", name, "\"%s\" is not an object of numbers by token id",
                                name);
        hd_print_real(json_number_value(bias), number);
        hd_print_number(text, sizeof text, "%lld=%s", (long long)id, number);
        if (!set(r, name, "logit-bias", text, fault)) return false;
    }
    return true;
}

/* An option of sampling, which is set when it is known whether the request samples. */
static bool read_sampling(hd_completion *r, const char *name, const json_t *value, hd_fault *fault) {
    if (!json_is_number(value)) return expected(fault, name, "a number");
    double number = json_number_value(value);
    if (strcmp(name, "temperature") == 0 && number == 0) {
        r->greedy = true;
        return true;
    }
    if (strcmp(name, "top_p") == 0 && number == 1) return true; /* the default */
    if (strcmp(name, "top_k") == 0 && number <= 0 && number >= -1) return true;
    r->samples = true;
    r->sampling_names[r->sampling_count] = name;
    r->of_sampling[r->sampling_count++] = value;
    return true;
}

static const key keys[] = {
    {"model", BOTH, read_model, NULL},
    {"messages", CHAT, read_messages, NULL},
    {"tool_choice", CHAT, read_tool_choice, NULL},
    {"tools", CHAT, read_tools, NULL},
    {"parallel_tool_calls", CHAT, ignore, NULL},
    {"chat_template_kwargs", CHAT, read_variables, NULL},
    {"reasoning_effort", CHAT, read_effort, NULL},
    {"response_format", BOTH, read_response_format, NULL},
    {"prompt", TEXT, read_prompts, NULL},
    {"suffix", TEXT, read_suffix, NULL},
    {"echo", TEXT, read_echo, NULL},
    {"best_of", TEXT, read_best_of, NULL},
    {"n", BOTH, read_n, NULL},
    {"stream", BOTH, read_stream, NULL},
    {"stream_options", BOTH, read_stream_options, NULL},
    {"stop", BOTH, read_stop, NULL},
    {"max_tokens", BOTH, read_limit, NULL},
    {"max_completion_tokens", CHAT, read_limit, NULL},
    {"logprobs", BOTH, read_log_probs, NULL},
    {"top_logprobs", CHAT, read_top_log_probs, NULL},
    {"logit_bias", BOTH, read_biases, NULL},
    {"seed", BOTH, read_seed, NULL},
    {"sample", BOTH, read_sample, NULL},
    {"temperature", BOTH, read_sampling, NULL},
    {"top_p", BOTH, read_sampling, NULL},
    {"top_k", BOTH, read_sampling, NULL},
    {"min_p", BOTH, read_sampling, NULL},
    {"typical_p", BOTH, read_sampling, NULL},
    {"epsilon_cutoff", BOTH, read_sampling, NULL},
    {"eta_cutoff", BOTH, read_sampling, NULL},
    {"grammar", BOTH, read_grammar, NULL},
    {"presence_penalty", BOTH, NULL, "presence-penalty"},
    {"frequency_penalty", BOTH, NULL, "frequency-penalty"},
    {"repetition_penalty", BOTH, NULL, "repetition-penalty"},
    {"no_repeat_ngram", BOTH, NULL, "no-repeat-ngram"},
    {"min_tokens", BOTH, NULL, "min-new-tokens"},
    {"beams", BOTH, NULL, "beams"},
    {"length_penalty", BOTH, NULL, "length-penalty"},
    /* without an effect on the answer */
    {"user", BOTH, ignore, NULL},
    {"metadata", BOTH, ignore, NULL},
    {"store", BOTH, ignore, NULL},
    {"service_tier", BOTH, ignore, NULL},
    {"safety_identifier", BOTH, ignore, NULL},
    {"prompt_cache_key", BOTH, ignore, NULL},
};

static bool read_key(hd_completion *r, const key *k, hd_fault *fault) {
    const json_t *value = json_object_get(r->json.root, k->name);
    if (!value || json_is_null(value)) return true;
    return k->read ? k->read(r, k->name, value, fault) : set_value(r, k->name, k->option, value, fault);
}

static bool refuse_unknown(const hd_completion *r, hd_fault *fault) {
    const char *name;
    json_t *value;
    json_object_foreach(r->json.root, name, value) {
        bool known = false;
        for (size_t i = 0; i < HD_COUNT(keys) && !known; i++)
            known = strcmp(keys[i].name, name) == 0 && keys[i].endpoints & (r->chat ? CHAT : TEXT);
        if (!known) return hd_fault_set(fault, 400, "unknown_parameter", name, "unknown key \"%.60s\"", name);
    }
    return true;
}

static bool check(const hd_completion *r, hd_fault *fault) {
    if (r->chat && !r->messages) return hd_fault_set(fault, 400, "missing", "messages", "\"messages\" is missing");
    if (!r->chat && !r->prompts) return hd_fault_set(fault, 400, "missing", "prompt", "\"prompt\" is missing");
    if (r->usage && !r->stream)
        return hd_fault_set(fault, 400, "invalid_value", "stream_options", "\"stream_options\" requires \"stream\"");
    if (r->top_log_probs && !r->log_probs)
        return hd_fault_set(fault, 400, "invalid_value", "top_logprobs", "\"top_logprobs\" requires \"logprobs\"");
    if (r->echo && r->log_probs)
        return hd_fault_set(fault, 400, "unsupported", "echo", "heed has no log-probabilities of a prompt");
    return true;
}

static bool set_log_probs(hd_completion *r, hd_fault *fault) {
    char text[32];
    if (!r->log_probs) return true;
    hd_print_number(text, sizeof text, "%lld", (long long)r->top_log_probs);
    return set(r, "logprobs", "logprobs", NULL, fault) &&
           (!r->top_log_probs || set(r, "top_logprobs", "top-logprobs", text, fault));
}

bool hd_completion_read(heed_context *context, const char *bytes, size_t size, bool chat, hd_completion *r,
                        hd_fault *fault) {
    *r = (hd_completion){.context = context, .chat = chat, .n = 1, .sampling = -1};
    *fault = (hd_fault){0};
    heed_status status = hd_json_open_bytes(context, "the body", bytes, size, HD_JSON_LENIENT, &r->json);
    if (status == HEED_OK && !json_is_object(r->json.root))
        return hd_fault_set(fault, 400, "invalid_type", NULL, "the body is not a JSON object");
    if (status == HEED_OK) status = heed_session_options(context, &r->options);
    if (status != HEED_OK) {
        hd_fault_from(fault, status, NULL, context->message);
        if (status == HEED_FORMAT) fault->code = "invalid_json";
        return false;
    }
    if (!refuse_unknown(r, fault)) return false;
    for (size_t i = 0; i < HD_COUNT(keys); i++)
        if (keys[i].endpoints & (chat ? CHAT : TEXT) && !read_key(r, &keys[i], fault)) return false;
    return check(r, fault) && set_log_probs(r, fault);
}

void hd_completion_close(hd_completion *r) {
    heed_options_close(r->options);
    json_decref(r->messages);
    hd_json_close(&r->json);
}

/* ---- what depends on the model ---- */

static bool set_random_seed(hd_completion *r, hd_fault *fault) {
    uint64_t random = 0;
    char text[32];
    if (getrandom(&random, sizeof random, 0) < 0) random = 1;
    hd_print_number(text, sizeof text, "%llu", (unsigned long long)(random >> 12));
    return set(r, "seed", "seed", text, fault);
}

bool hd_completion_sample(hd_completion *r, bool samples, hd_fault *fault) {
    if (r->samples) samples = true;
    if (r->sampling >= 0) samples = r->sampling;
    if (r->greedy) samples = false;
    if (!set(r, "sample", "sample", samples ? "true" : "false", fault)) return false;
    if (!samples) return true; /* neither a seed nor an option of sampling has an effect */
    for (size_t i = 0; i < r->sampling_count; i++)
        if (!set_value(r, r->sampling_names[i], r->sampling_names[i], r->of_sampling[i], fault)) return false;
    return r->seed ? set_value(r, "seed", "seed", r->seed, fault) : set_random_seed(r, fault);
}

bool hd_completion_limit(hd_completion *r, int64_t most, int64_t otherwise, hd_fault *fault) {
    char text[32];
    if (most && r->max_new_tokens > most)
        return hd_fault_set(fault, 400, "invalid_value", "max_tokens", "\"max_tokens\" is %lld, but the limit is %lld",
                            (long long)r->max_new_tokens, (long long)most);
    if (!r->max_new_tokens) r->max_new_tokens = most && (!otherwise || otherwise > most) ? most : otherwise;
    if (!r->max_new_tokens) return true;
    hd_print_number(text, sizeof text, "%lld", (long long)r->max_new_tokens);
    return set(r, "max_tokens", "max-new-tokens", text, fault);
}

const char *hd_completion_prompt(const hd_completion *r, size_t index, size_t *size) {
    const json_t *prompt = json_is_array(r->prompts) ? json_array_get(r->prompts, index) : index ? NULL : r->prompts;
    *size = json_string_length(prompt);
    return json_string_value(prompt);
}
