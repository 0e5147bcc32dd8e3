/* Follows TokenClassificationPipeline of transformers 5.24: gather_pre_entities, aggregate_words, group_entities and
 * aggregate_overlapping_entities. */
#include "tasks/aggregate.h"

#include "base/real.h"
#include "base/utf8.h"

#include <string.h>

/* A token or a word of the text, with its label. */
typedef struct labelled {
    const char *word; /* [size]: the token in the vocabulary, or the text of a word */
    size_t size;
    uint32_t start, end; /* characters */
    int32_t position;    /* of the first token */
    int32_t label;
    double score;
    double *probabilities; /* [classes], of a token */
    bool continues;        /* the word of the token before it */
} labelled;

typedef struct aggregating {
    const hd_encoded *e;
    hd_aggregation aggregation;
    int64_t classes;
    labelled *tokens; /* [e->row_count] */
    labelled *words;  /* [word_count], for the strategies that have words */
    int64_t word_count;
} aggregating;

/* Whether this character of the text is a space; past its end there is none. */
static bool is_space_at(const hd_encoded *e, uint32_t index) {
    size_t at = hd_encoded_byte(e, index);
    return at < e->size && e->text[at] == ' ';
}

/* Whether a token continues a word. A vocabulary that marks such tokens makes them longer than their text; with any other
 * vocabulary, words begin at spaces. */
static bool continues_word(const hd_encoded *e, const labelled *token) {
    if (hd_tokenizer_marks_continuations(e->model->tokenizer))
        return hd_utf8_count(token->word, token->size) != token->end - token->start;
    return token->start > 0 && !is_space_at(e, token->start - 1) && !is_space_at(e, token->start);
}

static void read_token(const aggregating *a, int64_t row, int32_t label, const float *logits, labelled *token) {
    const hd_encoded *e = a->e;
    const hd_encoding *encoding = e->encoding;
    int32_t position = e->rows[row], id = encoding->ids[position];
    double *probabilities = token->probabilities;
    const char *word = hd_tokenizer_token(e->model->tokenizer, id);
    *token = (labelled){.word = word ? word : "",
                        .size = word ? strlen(word) : 0,
                        .start = encoding->starts[position],
                        .end = encoding->ends[position],
                        .position = position,
                        .label = label,
                        .probabilities = probabilities};
    hd_softmax(logits + row * a->classes, a->classes, probabilities);
    token->score = probabilities[label];
    if (id == e->model->specials[HD_SPECIAL_UNKNOWN]) {
        size_t first = hd_encoded_byte(e, token->start);
        token->word = e->text + first;
        token->size = hd_encoded_byte(e, token->end) - first;
    } else {
        token->continues = continues_word(e, token);
    }
}

static int32_t largest(const double *numbers, int64_t count) {
    int32_t index = 0;
    for (int64_t i = 1; i < count; i++)
        if (numbers[i] > numbers[index]) index = (int32_t)i;
    return index;
}

/* The text of items [count], in the memory of the results; NULL when out of memory. */
static const char *join_words(const hd_encoded *e, const labelled *items, int64_t count, size_t *size) {
    hd_strings strings;
    hd_buffer text;
    hd_strings_open(&strings, e->model->context);
    hd_buffer_open(&text, e->model->context);
    for (int64_t i = 0; i < count; i++) hd_strings_add(&strings, items[i].word, items[i].size);
    heed_status status = hd_tokenizer_join(e->model->tokenizer, &strings, &text);
    const char *copy = status == HEED_OK ? hd_results_copy(e->results, text.data, text.size) : NULL;
    *size = text.size;
    hd_buffer_close(&text);
    hd_strings_close(&strings);
    return copy;
}

/* ---- words ---- */

/* The label and the score of a word of tokens [count]. */
static void choose_label(const aggregating *a, const labelled *tokens, int64_t count, labelled *word) {
    const labelled *chosen = tokens;
    if (a->aggregation == HD_AGGREGATE_MAX)
        for (int64_t i = 1; i < count; i++)
            if (tokens[i].score > chosen->score) chosen = &tokens[i];
    word->label = chosen->label;
    word->score = chosen->score;
    if (a->aggregation != HD_AGGREGATE_AVERAGE) return;
    double *mean = tokens->probabilities; /* nothing else reads those of the first token */
    for (int64_t c = 0; c < a->classes; c++) {
        for (int64_t i = 1; i < count; i++) mean[c] += tokens[i].probabilities[c];
        mean[c] /= (double)count;
    }
    word->label = largest(mean, a->classes);
    word->score = mean[word->label];
}

static heed_status add_word(aggregating *a, const labelled *tokens, int64_t count) {
    labelled *word = &a->words[a->word_count++];
    *word = *tokens;
    word->end = tokens[count - 1].end;
    choose_label(a, tokens, count, word);
    word->word = join_words(a->e, tokens, count, &word->size);
    return word->word ? HEED_OK : HEED_MEMORY;
}

static heed_status find_words(aggregating *a) {
    int64_t first = 0;
    for (int64_t i = 1; i <= a->e->row_count; i++) {
        if (i < a->e->row_count && a->tokens[i].continues) continue;
        HD_TRY(add_word(a, a->tokens + first, i - first));
        first = i;
    }
    return HEED_OK;
}

/* ---- entities ---- */

/* The kind of a label: that of "B-PER" and "I-PER" is "PER", any other label is a kind. */
static const char *kind_of(const char *label) {
    return (label[0] == 'B' || label[0] == 'I') && label[1] == '-' ? label + 2 : label;
}

static bool continues_entity(const hd_encoded *e, const labelled *before, const labelled *item) {
    const char *last = e->model->labels[before->label], *label = e->model->labels[item->label];
    return strncmp(label, "B-", 2) != 0 && strcmp(kind_of(last), kind_of(label)) == 0;
}

static heed_status add_entity(const hd_encoded *e, const labelled *items, int64_t count) {
    hd_result *item = &e->results->items[e->index];
    const char *label = e->model->labels[items->label], *dash = strchr(label, '-');
    double sum = 0;
    size_t size;
    const char *text = join_words(e, items, count, &size);
    if (!text) return HEED_MEMORY;
    for (int64_t i = 0; i < count; i++) sum += items[i].score;
    item->answers[item->count++] = (hd_answer){.text = text,
                                               .size = size,
                                               .label = dash ? dash + 1 : label,
                                               .score = (float)(sum / (double)count),
                                               .start = items->start,
                                               .end = items[count - 1].end,
                                               .position = items->position};
    return HEED_OK;
}

static heed_status find_entities(const hd_encoded *e, const labelled *items, int64_t count) {
    int64_t first = 0;
    for (int64_t i = 1; i <= count; i++) {
        if (i < count && continues_entity(e, &items[i - 1], &items[i])) continue;
        HD_TRY(add_entity(e, items + first, i - first));
        first = i;
    }
    return HEED_OK;
}

static heed_status add_token(const hd_encoded *e, const labelled *token) {
    hd_result *item = &e->results->items[e->index];
    const char *text = hd_results_copy(e->results, token->word, token->size);
    item->answers[item->count++] = (hd_answer){.text = text,
                                               .size = token->size,
                                               .label = e->model->labels[token->label],
                                               .score = (float)token->score,
                                               .start = token->start,
                                               .end = token->end,
                                               .position = token->position};
    return text ? HEED_OK : HEED_MEMORY;
}

heed_status hd_aggregate_labels(const hd_encoded *e, hd_aggregation aggregation, const int32_t *labels,
                                const float *logits, int64_t classes) {
    aggregating a = {.e = e, .aggregation = aggregation, .classes = classes};
    int64_t count = e->row_count;
    if (!count) return HEED_OK;
    double *probabilities = hd_pass_alloc(e->pass, (size_t)(count * classes), sizeof *probabilities);
    a.tokens = hd_pass_alloc(e->pass, (size_t)count, sizeof *a.tokens);
    a.words = hd_pass_alloc(e->pass, (size_t)count, sizeof *a.words);
    if (!probabilities || !a.tokens || !a.words) return e->pass->status;
    for (int64_t i = 0; i < count; i++) {
        a.tokens[i].probabilities = probabilities + i * classes;
        read_token(&a, i, labels[i], logits, &a.tokens[i]);
    }
    if (aggregation == HD_AGGREGATE_SIMPLE) return find_entities(e, a.tokens, count);
    if (aggregation != HD_AGGREGATE_NONE) {
        HD_TRY(find_words(&a));
        return find_entities(e, a.words, a.word_count);
    }
    for (int64_t i = 0; i < count; i++) HD_TRY(add_token(e, &a.tokens[i]));
    return HEED_OK;
}

/* As Python's sorted, which keeps the order of equal ones. The answers of each window are sorted already. */
static void sort_by_start(hd_answer *answers, size_t count) {
    for (size_t i = 1; i < count; i++) {
        hd_answer item = answers[i];
        size_t at = i;
        for (; at && answers[at - 1].start > item.start; at--) answers[at] = answers[at - 1];
        answers[at] = item;
    }
}

static bool replaces(const hd_answer *item, const hd_answer *before) {
    uint32_t length = item->end - item->start, length_before = before->end - before->start;
    return length > length_before || (length == length_before && item->score > before->score);
}

void hd_merge_overlapping(hd_result *item) {
    hd_answer *answers = item->answers;
    size_t kept = 0;
    sort_by_start(answers, item->count);
    for (size_t i = 0; i < item->count; i++) {
        if (!kept || answers[i].start >= answers[kept - 1].end)
            answers[kept++] = answers[i];
        else if (replaces(&answers[i], &answers[kept - 1]))
            answers[kept - 1] = answers[i];
    }
    item->count = kept;
}
