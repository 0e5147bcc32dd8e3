/* Answers of a file or a model, compared with those of SQuAD's questions. */
#include "measure/squad.h"

#include "formats/json.h"
#include "data/readers/questions.h"
#include "measure/answers.h"
#include "measure/evaluate.h"
#include "measure/metrics/squad.h"

#include <stdio.h>
#include <string.h>

typedef struct squad_settings {
    char *reference;
    int version; /* 0: by the file; 1: 1.1; 2: 2.0 */
    char *na_prob;
    double na_prob_threshold;
} squad_settings;

static const hd_setting rows[] = {
    {"reference", HD_SETTING_STRING, offsetof(squad_settings, reference), NULL, 0, 0, "FILE",
     "questions with their answers, in the format of SQuAD or one JSON object per line"},
    {"version", HD_SETTING_CHOICE, offsetof(squad_settings, version), "auto", 0, 0, "auto|1.1|2.0",
     "evaluation script of SQuAD; auto: 2.0 if some questions have no answer, else 1.1"},
    {"na-prob", HD_SETTING_STRING, offsetof(squad_settings, na_prob), NULL, 0, 0, "FILE",
     "JSON object of probabilities that questions have no answer, by their ids"},
    {"na-prob-threshold", HD_SETTING_DOUBLE, offsetof(squad_settings, na_prob_threshold), "1", 0, 1, "NUMBER",
     "an answer counts as empty above this probability"},
};

static const hd_option_table table = {rows, HD_COUNT(rows), sizeof(squad_settings)};

heed_status heed_squad_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

enum { TOGETHER = 256 };

/* Questions that a model answers in one call. */
typedef struct scoring {
    heed_context *context;
    heed_model *model; /* NULL: the answers come from `predictions` */
    const char *path;  /* of the questions */
    heed_options *options;
    hd_json predictions; /* an object by id; its root is NULL if the answers are lines */
    const squad_settings *settings;
    hd_squad_thresholds thresholds;
    hd_squad_scorer scorer;
    hd_squad_scores *scores;
    const char **references; /* of one question */
    size_t capacity;
    uint64_t missing;
    /* waiting for the model; each text is followed by a 0 */
    hd_buffer questions, contexts, answers;
    size_t answer_counts[TOGETHER], count;
    uint64_t first; /* the number of the first one */
} scoring;

static void add(hd_squad_sums *sums, hd_squad_score score) {
    sums->exact += score.exact;
    sums->f1 += score.f1;
    sums->count++;
}

/* The references follow each other in s->references. `id` is that of the question, or NULL. */
static heed_status add_prediction(scoring *s, const char *id, const char *text, size_t size, size_t count) {
    hd_squad_score score;
    HD_TRY(hd_squad_compare(&s->scorer, s->scores->second, text, size, s->references, count, &score));
    if (s->thresholds.file.root)
        HD_TRY(
            hd_squad_thresholds_add(&s->thresholds, id, count > 0, size == 0, s->settings->na_prob_threshold, &score));
    add(&s->scores->all, score);
    add(count ? &s->scores->answered : &s->scores->unanswered, score);
    return HEED_OK;
}

/* ---- answers of a file ---- */

static heed_status read_lines(hd_lines *lines, hd_buffer *text) {
    while (hd_lines_next(lines)) {
        hd_buffer_append(text, lines->text, lines->size);
        hd_buffer_byte(text, '\n');
    }
    return text->failed ? HEED_MEMORY : lines->status;
}

/* A JSON object of answers by the ids of the questions; if it is none, there is one answer per line. */
static heed_status open_predictions(scoring *s, const char *path) {
    hd_lines lines;
    hd_buffer text;
    hd_buffer_open(&text, s->context);
    HD_TRY(hd_lines_open(s->context, path, 0, &lines));
    heed_status status = read_lines(&lines, &text);
    hd_lines_close(&lines);
    size_t first = text.size ? strspn(text.data, " \t\r\n") : 0;
    if (status == HEED_OK && text.size && text.data[first] == '{')
        status = hd_json_open_bytes(s->context, path, text.data, text.size, HD_JSON_LENIENT, &s->predictions);
    else if (status == HEED_OK)
        s->answers = text, hd_buffer_open(&text, s->context);
    hd_buffer_close(&text);
    return status;
}

/* The next line of the answers, which are in s->answers from *at on; NULL past the last. */
static const char *next_answer(const scoring *s, size_t *at, size_t *size) {
    if (*at >= s->answers.size) return NULL;
    const char *line = s->answers.data + *at, *end = memchr(line, '\n', s->answers.size - *at);
    *size = (size_t)(end - line);
    *at += *size + 1;
    return line;
}

static heed_status add_by_id(scoring *s, const hd_question *question) {
    if (!question->id)
        return hd_fail(s->context, HEED_FORMAT, "%s: question %llu has no \"id\"", s->path,
                       (unsigned long long)question->number);
    const char *text;
    HD_TRY(hd_json_string(&s->predictions, question->id, NULL, &text));
    if (!text && !s->missing++)
        hd_note(s->context, "%s: there is no answer for \"%.100s\": here and further on this counts as wrong",
                s->predictions.path, question->id);
    if (text) return add_prediction(s, question->id, text, strlen(text), question->count);
    add(&s->scores->all, (hd_squad_score){0, 0});
    add(question->count ? &s->scores->answered : &s->scores->unanswered, (hd_squad_score){0, 0});
    return HEED_OK;
}

/* ---- answers of a model ---- */

static heed_status add_answers(scoring *s, const heed_results *results) {
    const char *reference = s->answers.data;
    for (size_t i = 0; i < s->count; i++) {
        for (size_t r = 0; r < s->answer_counts[i]; r++, reference += strlen(reference) + 1)
            s->references[r] = reference;
        const char *problem = heed_results_problem(results, i), *text = heed_results_text(results, i, 0);
        if (problem) {
            hd_note(s->context, "%s: question %llu: %s; it counts as wrong", s->path,
                    (unsigned long long)(s->first + i), problem);
            add(&s->scores->all, (hd_squad_score){0, 0});
            add(s->answer_counts[i] ? &s->scores->answered : &s->scores->unanswered, (hd_squad_score){0, 0});
            continue;
        }
        HD_TRY(add_prediction(s, NULL, text ? text : "", text ? heed_results_size(results, i, 0) : 0,
                              s->answer_counts[i]));
    }
    return HEED_OK;
}

static heed_status answer_waiting(scoring *s) {
    const char *questions[TOGETHER], *contexts[TOGETHER], *question = s->questions.data, *context = s->contexts.data;
    for (size_t i = 0; i < s->count; i++) {
        questions[i] = question, contexts[i] = context;
        question += strlen(question) + 1, context += strlen(context) + 1;
    }
    heed_results *results;
    HD_TRY(heed_answer(s->model, s->options, questions, NULL, contexts, NULL, s->count, &results));
    heed_status status = add_answers(s, results);
    heed_results_close(results);
    s->first += s->count;
    s->count = 0;
    hd_buffer_clear(&s->questions);
    hd_buffer_clear(&s->contexts);
    hd_buffer_clear(&s->answers);
    return status;
}

static void append(hd_buffer *buffer, const char *text) { hd_buffer_append(buffer, text, strlen(text) + 1); }

static heed_status ask_model(scoring *s, const hd_question *question) {
    append(&s->questions, question->question);
    append(&s->contexts, question->context);
    for (size_t i = 0; i < question->count; i++) append(&s->answers, question->answers[i].text);
    if (s->questions.failed || s->contexts.failed || s->answers.failed) return HEED_MEMORY;
    s->answer_counts[s->count++] = question->count;
    return s->count == TOGETHER ? answer_waiting(s) : HEED_OK;
}

/* ---- the questions ---- */

static heed_status fail_lengths(const scoring *s, uint64_t questions, uint64_t answers) {
    return hd_fail(s->context, HEED_FORMAT, "%s has %llu questions, but there are %llu answers", s->path,
                   (unsigned long long)questions, (unsigned long long)answers);
}

/* Calls for each question; s NULL: counts in *unanswered those without an answer. */
static heed_status read_questions(heed_context *context, const char *path, scoring *s, uint64_t *unanswered) {
    hd_lines lines;
    hd_questions questions;
    size_t at = 0, size;
    uint64_t answers = 0;
    bool more = true;
    HD_TRY(hd_lines_open(context, path, 0, &lines));
    heed_status status = hd_questions_open(context, &lines, &questions);
    while (status == HEED_OK && (status = hd_questions_next(&questions, &more)) == HEED_OK && more) {
        const hd_question *question = &questions.question;
        if (unanswered) *unanswered += question->count == 0;
        if (!s) continue;
        status = hd_check_stop(context);
        if (status == HEED_OK &&
            !hd_grow(context, &s->references, &s->capacity, question->count + 1, sizeof *s->references))
            status = HEED_MEMORY;
        for (size_t i = 0; i < question->count && status == HEED_OK; i++) s->references[i] = question->answers[i].text;
        if (status == HEED_OK && s->model) {
            status = ask_model(s, question);
        } else if (status == HEED_OK && s->predictions.root) {
            status = add_by_id(s, question);
        } else if (status == HEED_OK) {
            const char *text = next_answer(s, &at, &size);
            if (text) answers++, status = add_prediction(s, NULL, text, size, question->count);
        }
    }
    uint64_t count = questions.question.number;
    for (; s && !s->model && !s->predictions.root && next_answer(s, &at, &size);) answers++;
    hd_questions_close(&questions);
    hd_lines_close(&lines);
    if (status == HEED_OK && s && !s->model && !s->predictions.root && answers != count)
        return fail_lengths(s, count, answers);
    return status;
}

static heed_status open_thresholds(scoring *s) {
    if (!s->settings->na_prob) return HEED_OK;
    if (!s->scores->second) return hd_fail(s->context, HEED_ARGUMENT, "na-prob is of version 2.0");
    if (!s->predictions.root)
        return hd_fail(s->context, HEED_ARGUMENT, "na-prob requires answers by the ids of their questions");
    return hd_squad_thresholds_open(s->context, s->settings->na_prob, &s->thresholds);
}

static heed_status score(scoring *s, const char *predictions) {
    int version = s->settings->version;
    uint64_t unanswered = 0;
    if (strcmp(s->path, "-") == 0)
        return hd_fail(s->context, HEED_ARGUMENT, "questions are read from a file, not from standard input");
    HD_TRY(read_questions(s->context, s->path, NULL, &unanswered));
    s->scores->second = version ? version == 2 : unanswered > 0;
    if (s->model) {
        HD_TRY(heed_answer_options(s->context, &s->options));
        if (s->scores->second) HD_TRY(heed_options_set(s->options, "no-answer", NULL));
    } else {
        HD_TRY(open_predictions(s, predictions));
    }
    HD_TRY(open_thresholds(s));
    HD_TRY(read_questions(s->context, s->path, s, NULL));
    s->scores->has_best = s->thresholds.count > 0;
    if (s->scores->has_best) hd_squad_thresholds_best(&s->thresholds, &s->scores->best_exact, &s->scores->best_f1);
    return s->count ? answer_waiting(s) : HEED_OK;
}

static heed_status run(heed_context *context, heed_model *model, const char *path, const char *predictions,
                       const squad_settings *settings, hd_squad_scores *scores) {
    scoring *s = hd_alloc_zeroed(context, 1, sizeof *s);
    if (!s) return HEED_MEMORY;
    *scores = (hd_squad_scores){0};
    s->context = s->scorer.context = context;
    s->model = model, s->path = path, s->settings = settings, s->scores = scores, s->first = 1;
    hd_buffer_open(&s->questions, context);
    hd_buffer_open(&s->contexts, context);
    hd_buffer_open(&s->answers, context);
    heed_status status = score(s, predictions);
    heed_options_close(s->options);
    hd_squad_thresholds_close(&s->thresholds);
    hd_json_close(&s->predictions);
    hd_squad_close(&s->scorer);
    hd_free(context, s->references);
    hd_buffer_close(&s->questions);
    hd_buffer_close(&s->contexts);
    hd_buffer_close(&s->answers);
    hd_free(context, s);
    return status;
}

heed_status hd_squad_evaluate(heed_model *model, const char *path, hd_squad_scores *scores) {
    return run(model->context, model, path, NULL, &(squad_settings){.version = 0}, scores);
}

/* ---- the report ---- */

static int add_best(const hd_squad_scores *scores, json_t *report) {
    json_t *best =
        json_pack("{s:f, s:f, s:f, s:f}", "best_exact", hd_squad_mean(scores->best_exact.score, scores->all.count),
                  "best_exact_thresh", scores->best_exact.threshold, "best_f1",
                  hd_squad_mean(scores->best_f1.score, scores->all.count), "best_f1_thresh", scores->best_f1.threshold);
    int failed = !best || json_object_update(report, best) != 0;
    json_decref(best);
    return failed;
}

static heed_status report_json(const hd_squad_scores *scores, hd_buffer *out) {
    const hd_squad_sums *all = &scores->all;
    const char *exact = scores->second ? "exact" : "exact_match";
    json_t *report =
        json_pack("{s:f, s:f}", exact, hd_squad_mean(all->exact, all->count), "f1", hd_squad_mean(all->f1, all->count));
    const struct {
        const char *prefix;
        const hd_squad_sums *sums;
    } parts[] = {{"HasAns", &scores->answered}, {"NoAns", &scores->unanswered}};
    int failed = !report;
    if (scores->second) failed |= json_object_set_new(report, "total", json_integer((json_int_t)all->count));
    for (size_t i = 0; scores->second && i < HD_COUNT(parts); i++) {
        const hd_squad_sums *sums = parts[i].sums;
        char name[32];
        if (!sums->count) continue;
        snprintf(name, sizeof name, "%s_exact", parts[i].prefix);
        failed |= json_object_set_new(report, name, json_real(hd_squad_mean(sums->exact, sums->count)));
        snprintf(name, sizeof name, "%s_f1", parts[i].prefix);
        failed |= json_object_set_new(report, name, json_real(hd_squad_mean(sums->f1, sums->count)));
        snprintf(name, sizeof name, "%s_total", parts[i].prefix);
        failed |= json_object_set_new(report, name, json_integer((json_int_t)sums->count));
    }
    if (scores->has_best) failed |= add_best(scores, report);
    return hd_report_json(out, report, failed);
}

static void report_line(const hd_squad_sums *sums, const char *what, hd_buffer *out) {
    hd_report_number(out, "exact match %.2f", hd_squad_mean(sums->exact, sums->count));
    hd_report_number(out, "  F1 %.2f", hd_squad_mean(sums->f1, sums->count));
    hd_buffer_format(out, "  (%llu questions%s)", (unsigned long long)sums->count, what);
}

static void report_best(const char *format, const hd_squad_best *best, const hd_squad_scores *scores, hd_buffer *out) {
    hd_report_number(out, format, hd_squad_mean(best->score, scores->all.count));
    hd_report_number(out, " above %.4g", best->threshold);
}

static void report_text(const hd_squad_scores *scores, hd_buffer *out) {
    report_line(&scores->all, "", out);
    if (!scores->second) return;
    hd_buffer_byte(out, '\n');
    report_line(&scores->answered, " with an answer", out);
    hd_buffer_byte(out, '\n');
    report_line(&scores->unanswered, " without an answer", out);
    if (!scores->has_best) return;
    hd_buffer_byte(out, '\n');
    report_best("best exact match %.2f", &scores->best_exact, scores, out);
    report_best(", best F1 %.2f", &scores->best_f1, scores, out);
}

static heed_status measure(const hd_measuring *m) {
    const squad_settings *settings = m->settings;
    hd_squad_scores scores;
    const char *questions = m->model ? m->files[0] : settings->reference;
    if (!questions) return hd_fail(m->context, HEED_ARGUMENT, "reference is missing: the file to compare with");
    if (m->model && settings->reference)
        return hd_fail(m->context, HEED_ARGUMENT,
                       "a model answers the questions of the file: reference does not apply");
    HD_TRY(run(m->context, m->model, questions, m->files[0], settings, &scores));
    if (m->json) return report_json(&scores, m->out);
    report_text(&scores, m->out);
    return HEED_OK;
}

heed_status heed_evaluate_squad(heed_context *context, heed_model *model, const heed_options *options, const char *file,
                                bool json, char **out) {
    if (options && hd_options_has(options, "na-prob-threshold") && !hd_options_has(options, "na-prob"))
        return hd_fail(context, HEED_ARGUMENT, "na-prob-threshold requires na-prob");
    hd_measuring m = {.context = context, .model = model, .files = &file, .count = 1, .json = json};
    return hd_measure(m, &table, options, measure, out);
}
