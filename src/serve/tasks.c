#include "serve/tasks.h"

#include <stdio.h>
#include <string.h>

#include "models/model.h"
#include "serve/call.h"
#include "serve/completion_job.h"
#include "serve/option_json.h"
#include "serve/task_answers.h"

/* A parameter of the Inference API and the option that it sets; NULL: it has no effect on the answer. */
typedef struct parameter {
    const char *name, *option;
} parameter;

typedef struct task {
    const char *name; /* as Hugging Face names it */
    hd_call_kind kind;
    heed_status (*write)(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);
    const char *key; /* of texts in the answer; NULL: none */
    /* Reads what is not an option, and the inputs. */
    bool (*read)(hd_call *call, const json_t *inputs, const json_t *parameters, hd_fault *fault);
    parameter parameters[8];
} task;

static bool set(hd_call *c, const char *option, const char *value, hd_fault *fault) {
    heed_status status = heed_options_set(c->options, option, value);
    return status == HEED_OK || hd_fault_from(fault, status, "parameters", "out of memory");
}

/* ---- calls ---- */

static heed_status classify(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_classify(model, call->options, call->texts, call->sizes, call->count, results);
}

static heed_status tag(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_tag(model, call->options, call->texts, call->sizes, call->count, results);
}

static heed_status fill(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_fill(model, call->options, call->texts, call->sizes, call->count, results);
}

static heed_status answer(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_answer(model, call->options, call->texts, call->sizes, call->seconds, call->second_sizes, call->count,
                       results);
}

static heed_status embed(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_embed(model, call->options, call->texts, call->sizes, call->count, results);
}

static heed_status compare(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_similarity(model, call->options, NULL, call->texts, call->sizes, call->seconds, call->second_sizes,
                           call->count, results);
}

static heed_status translate(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_translate(model, call->options, call->texts, call->sizes, call->count, results);
}

static heed_status summarize(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_summarize(model, call->options, call->texts, call->sizes, call->count, results);
}

static heed_status rewrite(heed_model *model, const hd_engine_call *call, heed_results **results) {
    return heed_rewrite(model, call->options, call->texts, call->sizes, call->count, results);
}

/* ---- inputs ---- */

static bool read_texts(hd_call *c, const json_t *inputs, const json_t *parameters, hd_fault *fault) {
    (void)parameters;
    return hd_call_read_texts(c, "inputs", inputs, fault);
}

/* Without "aggregation_strategy" entities are as in `heed tag`. */
static bool read_tag(hd_call *c, const json_t *inputs, const json_t *parameters, hd_fault *fault) {
    const char *aggregation = json_string_value(json_object_get(parameters, "aggregation_strategy"));
    c->flag = aggregation && strcmp(aggregation, "none") == 0;
    return hd_call_read_texts(c, "inputs", inputs, fault);
}

/* The words and texts of the pipeline of transformers. */
static bool read_fill(hd_call *c, const json_t *inputs, const json_t *parameters, hd_fault *fault) {
    const json_t *top = json_object_get(parameters, "top_k");
    return set(c, "keep-masks", NULL, fault) && (json_is_integer(top) || set(c, "top", "5", fault)) &&
           hd_call_read_texts(c, "inputs", inputs, fault);
}

static bool read_answer(hd_call *c, const json_t *inputs, const json_t *parameters, hd_fault *fault) {
    c->number = json_integer_value(json_object_get(parameters, "top_k"));
    if (json_is_false(json_object_get(parameters, "align_to_words")) && !set(c, "subwords", NULL, fault)) return false;
    return hd_call_read_pair(c, "inputs", json_object_get(inputs, "question"), json_object_get(inputs, "context"),
                             fault);
}

static bool read_similarity(hd_call *c, const json_t *inputs, const json_t *parameters, hd_fault *fault) {
    const json_t *source = json_object_get(inputs, "source_sentence");
    (void)parameters;
    if (!json_is_string(source))
        return hd_fault_set(fault, 400, "invalid_type", "inputs", "\"inputs\" has no \"source_sentence\"");
    if (!hd_call_read_texts(c, "inputs", json_object_get(inputs, "sentences"), fault)) return false;
    c->seconds = hd_alloc(&c->context, c->count, sizeof *c->seconds);
    c->second_sizes = hd_alloc(&c->context, c->count, sizeof *c->second_sizes);
    if (!c->seconds || !c->second_sizes) return hd_fault_from(fault, HEED_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < c->count; i++) {
        c->seconds[i] = json_string_value(source);
        c->second_sizes[i] = json_string_length(source);
    }
    return true;
}

static bool read_zero_shot(hd_call *c, const json_t *inputs, const json_t *parameters, hd_fault *fault) {
    if (!json_object_get(parameters, "candidate_labels"))
        return hd_fault_set(fault, 400, "missing", "parameters", "\"candidate_labels\" is missing");
    return hd_call_read_texts(c, "inputs", inputs, fault);
}

/* "generate_parameters" are options of `heed translate`, such as "max_new_tokens"; some have another name in transformers. */
static bool read_sequences(hd_call *c, const json_t *inputs, const json_t *parameters, hd_fault *fault) {
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(parameters, "generate_parameters"), name, value) {
        const char *option = strcmp(name, "num_beams") == 0              ? "beams"
                             : strcmp(name, "num_return_sequences") == 0 ? "best"
                             : strcmp(name, "no_repeat_ngram_size") == 0 ? "no-repeat-ngram"
                                                                         : name;
        bool file = strncmp(option, "grammar", 7) == 0 || strncmp(option, "json", 4) == 0; /* names of files */
        if (file) return hd_fault_set(fault, 400, "unknown_parameter", name, "unknown parameter \"%.60s\"", name);
        if (!hd_option_set_json(c->options, name, option, value, fault)) return false;
    }
    return hd_call_read_texts(c, "inputs", inputs, fault);
}

#define OF_SEQUENCES \
    {"generate_parameters", NULL}, {"clean_up_tokenization_spaces", NULL}, { "truncation", NULL }

static const task tasks[] = {
    {"text-classification",
     {"classify", heed_classify_options, classify, false},
     hd_write_labels,
     NULL,
     read_texts,
     {{"top_k", "top"}, {"function_to_apply", "scores"}}},
    {"token-classification",
     {"tag", heed_tag_options, tag, false},
     hd_write_entities,
     NULL,
     read_tag,
     {{"aggregation_strategy", "aggregation"}, {"ignore_labels", "ignore"}, {"stride", "stride"}}},
    {"fill-mask",
     {"fill", heed_fill_options, fill, false},
     hd_write_masks,
     NULL,
     read_fill,
     {{"top_k", "top"}, {"targets", "target"}}},
    {"summarization",
     {"summarize", heed_summarize_options, summarize, false},
     hd_write_texts,
     "summary_text",
     read_sequences,
     {OF_SEQUENCES}},
    {"text2text-generation",
     {"rewrite", heed_rewrite_options, rewrite, false},
     hd_write_texts,
     "generated_text",
     read_sequences,
     {OF_SEQUENCES}},
    {"translation",
     {"translate", heed_translate_options, translate, false},
     hd_write_texts,
     "translation_text",
     read_sequences,
     {{"src_lang", "from"}, {"tgt_lang", "to"}, OF_SEQUENCES}},
    {"question-answering",
     {"answer", heed_answer_options, answer, false},
     hd_write_answers,
     NULL,
     read_answer,
     {{"top_k", "top"},
      {"max_answer_len", "max-answer-tokens"},
      {"doc_stride", "stride"},
      {"max_seq_len", "window"},
      {"handle_impossible_answer", "no-answer"},
      {"align_to_words", NULL},
      {"max_question_len", NULL}}},
    {"sentence-similarity",
     {"embed", heed_embed_options, compare, false},
     hd_write_similarities,
     NULL,
     read_similarity,
     {{0}}},
    {"feature-extraction",
     {"embed", heed_embed_options, embed, false},
     hd_write_vectors,
     NULL,
     read_texts,
     {{"normalize", "normalize"},
      {"prompt_name", "prompt-name"},
      {"dimensions", "dims"},
      {"truncate", NULL},
      {"truncation_direction", NULL},
      {"encoding_format", NULL}}},
    {"text-generation", {"generate", heed_generate_options, NULL, true}, NULL, NULL, NULL, {{0}}}, /* generate() */
    {"zero-shot-classification",
     {"classify", heed_classify_options, classify, false},
     hd_write_zero_shot,
     NULL,
     read_zero_shot,
     {{"candidate_labels", "label"}, {"hypothesis_template", "template"}, {"multi_label", "multi-label"}}},
};

/* ---- text generation: by the session of the engine, beside all other texts ---- */

static const parameter of_generation[] = {{"max_new_tokens", "max_tokens"},
                                          {"do_sample", "sample"},
                                          {"temperature", "temperature"},
                                          {"top_k", "top_k"},
                                          {"top_p", "top_p"},
                                          {"typical_p", "typical_p"},
                                          {"seed", "seed"},
                                          {"stop", "stop"},
                                          {"stop_sequences", "stop"},
                                          {"repetition_penalty", "repetition_penalty"},
                                          {"frequency_penalty", "frequency_penalty"},
                                          {"num_return_sequences", "n"},
                                          {"return_full_text", "echo"},
                                          {"details", NULL},
                                          {"decoder_input_details", NULL},
                                          {"watermark", NULL},
                                          {"truncate", NULL},
                                          {"best_of", "best_of"}};

/* The body of /v1/completions that says the same. NULL, with the fault. */
static json_t *make_completion(const hd_call *c, json_t *inputs, json_t *parameters, hd_fault *fault) {
    enum { NEW_TOKENS = 20 };
    const char *name;
    json_t *value, *body = json_pack("{s:s, s:O, s:i, s:b}", "model", c->model, "prompt", inputs, "max_tokens",
                                     NEW_TOKENS, "echo", true);
    bool fine = body || hd_fault_set(fault, 400, "missing", "inputs", "\"inputs\" is missing");
    json_object_foreach(parameters, name, value) {
        size_t i = 0;
        while (i < HD_COUNT(of_generation) && strcmp(of_generation[i].name, name) != 0) i++;
        if (i == HD_COUNT(of_generation)) {
            fine =
                hd_fault_set(fault, 400, "unknown_parameter", name, "text-generation has no parameter \"%.60s\"", name);
            break;
        }
        if (of_generation[i].option && !json_is_null(value)) json_object_set(body, of_generation[i].option, value);
    }
    if (fine) return body;
    json_decref(body);
    return NULL;
}

static void generate(hd_call *c, heed_context *context, json_t *inputs, json_t *parameters) {
    hd_fault fault = {0};
    hd_buffer text;
    json_t *body = make_completion(c, inputs, parameters, &fault);
    hd_buffer_open(&text, context);
    if (body && hd_json_append(context, body, &text) != HEED_OK)
        hd_fault_from(&fault, HEED_MEMORY, NULL, "out of memory");
    json_decref(body);
    if (fault.status) {
        hd_call_fail(c, c->exchange, &fault);
    } else {
        const hd_serve_state *state = c->state;
        hd_exchange *exchange = c->exchange;
        hd_exchange_hold(exchange);
        hd_call_close(c);
        hd_serve_text_generation(state, context, exchange, text.data, text.size);
        hd_exchange_release(exchange);
    }
    hd_buffer_close(&text);
}

/* ---- which task ---- */

static const task *task_called(const char *name) {
    for (size_t i = 0; i < HD_COUNT(tasks); i++)
        if (strcmp(tasks[i].name, name) == 0) return &tasks[i];
    return NULL;
}

/* That of an encoder–decoder: its config may describe styles or a summarization. */
static const char *sequence_task(const heed_model *model) {
    for (size_t i = 0; i < model->task_count; i++) {
        if (strncmp(model->tasks[i].name, "translation", 11) == 0) return "translation";
        if (strcmp(model->tasks[i].name, "summarization") == 0) return "summarization";
    }
    return model->task_count ? "text2text-generation" : "translation";
}

/* The task of a request that names none: by the inputs and the head of the model. */
static const task *usual_task(const hd_call *c, const json_t *inputs, const json_t *parameters) {
    static const char *const by_head[] = {"text-classification", "token-classification", "fill-mask"};
    if (json_object_get(inputs, "question")) return task_called("question-answering");
    if (json_object_get(inputs, "source_sentence")) return task_called("sentence-similarity");
    if (json_object_get(parameters, "candidate_labels")) return task_called("zero-shot-classification");
    for (size_t i = 0; i < HD_COUNT(by_head); i++)
        if (hd_call_runs(c, task_called(by_head[i])->kind.verb)) return task_called(by_head[i]);
    if (hd_call_runs(c, "generate")) return task_called("text-generation");
    if (hd_call_runs(c, "translate")) return task_called(sequence_task(hd_engine_model(c->engine)));
    return task_called("feature-extraction");
}

/* "/models/NAME" or "/models/NAME/pipeline/TASK": the name, which may have a slash, and the task; NULL: none. */
static bool split_path(const char *path, char name[128], const char **task_name, hd_fault *fault) {
    const char *begin = path + strlen("/models/"), *end = strstr(begin, "/pipeline/");
    size_t size = end ? (size_t)(end - begin) : strlen(begin);
    *task_name = end ? end + strlen("/pipeline/") : NULL;
    if (size >= 128) return hd_fault_set(fault, 404, "model_not_found", "model", "there is no such model");
    memcpy(name, begin, size);
    name[size] = 0;
    return true;
}

/* ---- the request ---- */

static bool set_parameter(hd_call *c, const task *t, const char *name, const json_t *value, hd_fault *fault) {
    if (json_is_null(value)) return true;
    for (size_t i = 0; i < HD_COUNT(t->parameters) && t->parameters[i].name; i++) {
        const parameter *p = &t->parameters[i];
        if (strcmp(p->name, name) == 0)
            return !p->option || hd_option_set_json(c->options, name, p->option, value, fault);
    }
    return hd_fault_set(fault, 400, "unknown_parameter", name, "%s has no parameter \"%.60s\"", t->name, name);
}

static bool set_parameters(hd_call *c, const task *t, json_t *parameters, hd_fault *fault) {
    const char *name;
    json_t *value;
    json_object_foreach(parameters, name, value) if (!set_parameter(c, t, name, value, fault)) return false;
    return true;
}

static bool read_request(hd_call *c, heed_context *context, const task **found, hd_fault *fault) {
    char name[128];
    const char *task_name;
    json_t *inputs = json_object_get(c->json.root, "inputs"), *parameters = json_object_get(c->json.root, "parameters");
    if (!split_path(c->exchange->path, name, &task_name, fault) || !hd_call_find(c, context, name, fault)) return false;
    const task *t = task_name ? task_called(task_name) : usual_task(c, inputs, parameters);
    if (!t) return hd_fault_set(fault, 404, "unknown_task", NULL, "there is no task \"%.60s\"", task_name);
    if (parameters && !json_is_null(parameters) && !json_is_object(parameters))
        return hd_fault_set(fault, 400, "invalid_type", "parameters", "\"parameters\" is not an object");
    c->write = t->write;
    c->detail = t->key;
    *found = t;
    if (!t->read) return hd_call_choose(c, &t->kind, fault);
    return hd_call_choose(c, &t->kind, fault) && set_parameters(c, t, parameters, fault) &&
           t->read(c, inputs, parameters, fault);
}

void hd_serve_task(const hd_serve_state *state, heed_context *context, hd_exchange *exchange) {
    hd_fault fault = {0};
    const task *t = NULL;
    hd_call *c = hd_call_open(state, context, exchange, &fault);
    bool fine = c && read_request(c, context, &t, &fault);
    if (fine && t->read)
        hd_call_start(c, &t->kind);
    else if (fine)
        generate(c, context, json_object_get(c->json.root, "inputs"), json_object_get(c->json.root, "parameters"));
    else
        hd_call_fail(c, exchange, &fault);
}
