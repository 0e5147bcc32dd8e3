/* Answers that a model generates: an encoder–decoder from "question: … context: …", the form that T5 was trained on (Raffel et
 * al., 2020), after the prefix that its config has for this task. A model with a chat template answers a message that has the
 * context and the question. Another causal language model continues the context, the question and "Answer:", up to the end of
 * the line. */
#include "base/options.h"
#include "base/real.h"
#include "base/utf8.h"
#include "tasks/answer_generated.h"
#include "tasks/generate.h"
#include "tasks/translate.h"

#include <stdio.h>

/* The prompts of the questions that can be answered; NULL or "" for the others. */
typedef struct prompts {
    hd_arena arena;
    const char **texts; /* [count] */
    size_t *sizes;      /* [count] */
} prompts;

typedef enum answer_form { FORM_SOURCE, FORM_MESSAGE, FORM_PROMPT } answer_form;

static answer_form form_of(const heed_model *model) {
    if (hd_model_predicts(model, HD_HEAD_LANGUAGE, true, true)) return FORM_SOURCE;
    return model->chat ? FORM_MESSAGE : FORM_PROMPT;
}

static heed_status write_prompt(heed_model *model, const hd_questioned_texts *texts, size_t index, hd_buffer *out) {
    answer_form form = form_of(model);
    size_t question = hd_text_size(texts->questions, texts->question_sizes, index);
    size_t context = hd_text_size(texts->contexts, texts->context_sizes, index);
    if (form == FORM_SOURCE) {
        hd_buffer_text(out, "question: ");
        hd_buffer_append(out, texts->questions[index], question);
        hd_buffer_text(out, " context: ");
        hd_buffer_append(out, texts->contexts[index], context);
    } else {
        hd_buffer_append(out, texts->contexts[index], context);
        hd_buffer_text(out, "\n\nQuestion: ");
        hd_buffer_append(out, texts->questions[index], question);
        hd_buffer_text(out, form == FORM_PROMPT ? "\nAnswer:" : "\nAnswer with words of the text alone.");
    }
    return out->failed ? HEED_MEMORY : HEED_OK;
}

/* A message of the user becomes what the model reads. */
static heed_status render(heed_chat *chat, hd_buffer *text) {
    char *rendered;
    size_t size;
    heed_chat_reset(chat, false);
    HD_TRY(heed_chat_add(chat, "user", text->data, text->size));
    HD_TRY(heed_chat_render(chat, true, &rendered, &size));
    hd_buffer_clear(text);
    hd_buffer_append(text, rendered, size);
    heed_free(text->context, rendered);
    return text->failed ? HEED_MEMORY : HEED_OK;
}

/* `chat` renders the prompts; NULL: they need no template. */
static heed_status write_prompts(heed_model *model, heed_chat *chat, const hd_questioned_texts *texts,
                                 heed_results *results, prompts *p) {
    hd_buffer text;
    p->texts = hd_arena_alloc(&p->arena, texts->count, sizeof *p->texts);
    p->sizes = hd_arena_alloc(&p->arena, texts->count, sizeof *p->sizes);
    if (!p->texts || !p->sizes) return HEED_MEMORY;
    hd_buffer_open(&text, model->context);
    heed_status status = HEED_OK;
    for (size_t i = 0; i < texts->count && status == HEED_OK; i++) {
        p->texts[i] = form_of(model) == FORM_SOURCE ? "" : NULL, p->sizes[i] = 0;
        if (!texts->questions[i] || !texts->contexts[i]) continue;
        const char *problem = hd_question_problem(texts, i);
        if (problem) {
            status = hd_results_problem(results, i, problem);
            continue;
        }
        hd_buffer_clear(&text);
        status = write_prompt(model, texts, i, &text);
        if (status == HEED_OK && chat) status = render(chat, &text);
        char *copy = status == HEED_OK ? hd_arena_alloc(&p->arena, text.size, 1) : NULL;
        if (!copy) status = HEED_MEMORY;
        if (copy) memcpy(copy, text.data, text.size);
        p->texts[i] = copy, p->sizes[i] = text.size;
    }
    hd_buffer_close(&text);
    return status;
}

static heed_status set_number(heed_options *options, const char *name, int64_t number) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return heed_options_set(options, name, text);
}

static heed_status set_options(const hd_answer_settings *settings, answer_form form, heed_options *options) {
    HD_TRY(set_number(options, "max-new-tokens", settings->max_new_tokens));
    if (settings->top > 1) HD_TRY(set_number(options, "beams", settings->top));
    if (settings->top > 1) HD_TRY(set_number(options, "best", settings->top));
    return form == FORM_PROMPT ? heed_options_set(options, "stop", "\n") : HEED_OK;
}

static heed_status run(heed_model *model, const hd_answer_settings *settings, const prompts *p, size_t count,
                       heed_results **generated) {
    answer_form form = form_of(model);
    const hd_option_table *table = form == FORM_SOURCE ? &hd_answer_table : &hd_generate_table;
    heed_options *options;
    hd_decoding decoding;
    HD_TRY(hd_options_open(model->context, table, &options));
    heed_status status = set_options(settings, form, options);
    if (status == HEED_OK) {
        status = hd_decoding_open(model, options, table, &decoding);
        decoding.bare = form == FORM_MESSAGE;
        if (status == HEED_OK && form == FORM_SOURCE)
            status = hd_translate(model, &decoding, p->texts, p->sizes, count, generated);
        else if (status == HEED_OK)
            status = hd_generate(model, &decoding, p->texts, p->sizes, count, 0, NULL, NULL, generated);
        hd_decoding_close(model->context, &decoding);
    }
    heed_options_close(options);
    return status;
}

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/* The characters of the first place of an answer in the context; 0, 0 if it is not there. */
static void find_span(const char *context, size_t size, hd_answer *answer) {
    for (size_t at = 0; answer->size && at + answer->size <= size; at++) {
        if (memcmp(context + at, answer->text, answer->size) != 0) continue;
        answer->start = (uint32_t)hd_utf8_count(context, at);
        answer->end = answer->start + (uint32_t)hd_utf8_count(answer->text, answer->size);
        return;
    }
}

/* The mean probability of the answer's tokens, of the logarithm that a search returns. */
static float probability(float score) { return score > -40 && score <= 0 ? (float)hd_exponential((double)score) : 0; }

static heed_status copy_answers(const heed_results *generated, const hd_questioned_texts *texts, size_t index,
                                heed_results *results) {
    const char *problem = heed_results_problem(generated, index), *note = heed_results_note(generated, index);
    size_t count = heed_results_alternatives(generated, index);
    hd_result *item = &results->items[index];
    if (item->problem || !texts->questions[index] || !texts->contexts[index]) return HEED_OK;
    if (problem) return hd_results_problem(results, index, problem);
    if (note) HD_TRY(hd_results_note(results, index, "%s", note));
    item->answers = hd_arena_alloc(&results->arena, count, sizeof *item->answers);
    if (!item->answers) return HEED_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const char *text = heed_results_text(generated, index, i);
        size_t size = heed_results_size(generated, index, i);
        while (size && is_space(text[size - 1])) size--;
        while (size && is_space(*text)) text++, size--;
        const char *copy = hd_results_copy(results, text, size);
        if (!copy) return HEED_MEMORY;
        item->answers[i] =
            (hd_answer){.text = copy, .size = size, .score = probability(heed_results_score(generated, index, i))};
        find_span(texts->contexts[index], hd_text_size(texts->contexts, texts->context_sizes, index),
                  &item->answers[i]);
    }
    item->count = count;
    return HEED_OK;
}

/* Templates of models that can reason in writing first have this variable. */
static heed_status open_chat(heed_model *model, heed_chat **chat) {
    HD_TRY(heed_chat_open(model, chat));
    return heed_chat_set(*chat, "enable_thinking", "false", 5);
}

heed_status hd_generate_answers(heed_model *model, const hd_answer_settings *settings, const hd_questioned_texts *texts,
                                heed_results *results) {
    prompts p = {0};
    heed_results *generated = NULL;
    heed_chat *chat = NULL;
    hd_arena_open(&p.arena, model->context);
    heed_status status = form_of(model) == FORM_MESSAGE ? open_chat(model, &chat) : HEED_OK;
    if (status == HEED_OK) status = write_prompts(model, chat, texts, results, &p);
    heed_chat_close(chat);
    if (status == HEED_OK) status = run(model, settings, &p, texts->count, &generated);
    for (size_t i = 0; i < texts->count && status == HEED_OK; i++) status = copy_answers(generated, texts, i, results);
    heed_results_close(generated);
    hd_arena_close(&p.arena);
    return status;
}
