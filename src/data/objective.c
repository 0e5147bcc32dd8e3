#include "data/objective.h"

#include "data/readers/readers.h"

#include <string.h>

const hd_metric_names hd_metrics[] = {
    [HD_METRIC_AUTO] = {"auto", "", ""},
    [HD_METRIC_LOSS] = {"loss", "validation_loss", "loss"},
    [HD_METRIC_BLEU] = {"bleu", "bleu", "BLEU"},
    [HD_METRIC_ACCURACY] = {"accuracy", "accuracy", "accuracy"},
    [HD_METRIC_SPAN_F1] = {"span-f1", "span_f1", "span F1"},
    [HD_METRIC_EXACT_MATCH] = {"exact-match", "exact_match", "exact match"},
    [HD_METRIC_ANSWER_F1] = {"answer-f1", "answer_f1", "F1"},
};

/* ---- weights, and how many targets ---- */

static int64_t count_of_target(const hd_pair *pair) { return pair->target_count; }
static int64_t longer_side(const hd_pair *pair) { return hd_max(pair->source_count, pair->target_count); }
static int64_t all_but_first(const hd_pair *pair) { return pair->target_count - 1; }

static int64_t both_ends(const hd_pair *pair) {
    (void)pair;
    return 2;
}

static int64_t chosen_tokens(const hd_pair *pair) {
    int64_t count = 0;
    for (int32_t i = 0; i < pair->target_count; i++) count += pair->target[i] >= 0;
    return count;
}

/* ---- inputs and targets ---- */

/* The decoder reads the start token, then the target up to its last token. */
static void write_shifted(const hd_pair *pair, const hd_target_room *room) {
    size_t count = (size_t)pair->target_count;
    if (!count) return;
    memcpy(room->targets, pair->target, count * sizeof *room->targets);
    room->decoder_ids[0] = room->start_token;
    memcpy(room->decoder_ids + 1, pair->target, (count - 1) * sizeof *room->decoder_ids);
}

/* The decoder reads a text; each token's target is the next one. */
static void write_next_tokens(const hd_pair *pair, const hd_target_room *room) {
    size_t count = (size_t)pair->target_count - 1;
    memcpy(room->targets, pair->target + 1, count * sizeof *room->targets);
    memcpy(room->decoder_ids, pair->target, count * sizeof *room->decoder_ids);
}

static void write_label(const hd_pair *pair, const hd_target_room *room) { room->targets[0] = pair->target[0]; }

static void write_rows(const hd_pair *pair, const hd_target_room *room) {
    int64_t count = 0;
    for (int32_t i = 0; i < pair->target_count; i++) {
        if (pair->target[i] < 0) continue;
        room->rows[count] = room->first_row + i;
        room->targets[count++] = pair->target[i];
    }
}

/* The first and the last token of the answer, and the types of all tokens. */
static void write_ends(const hd_pair *pair, const hd_target_room *room) {
    for (int32_t i = 0; i < pair->source_count; i++) {
        room->types[i] = hd_mark_type(pair->target[i]);
        if (pair->target[i] & HD_MARK_FIRST) room->targets[0] = i;
        if (pair->target[i] & HD_MARK_LAST) room->targets[1] = i;
    }
}

/* ---- the table ---- */

#define METRIC(name) (1u << HD_METRIC_##name)

static const char *const end_and_pad[] = {"<pad>", "</s>", NULL};
static const char *const masks[] = {"<mask>", "[MASK]", NULL};

const hd_objective hd_objectives[] = {
    [HD_OBJECTIVE_TRANSLATE] = {.name = "translate",
                                .family = &hd_marian,
                                .pre_norm_family = &hd_pegasus,
                                .head = HD_HEAD_LANGUAGE,
                                .encodes = true,
                                .decodes = true,
                                .two_files = true,
                                .two_texts = true,
                                .read = hd_read_translations,
                                .draw = hd_draw_translation,
                                .weight = count_of_target,
                                .target_count = count_of_target,
                                .decoder_count = count_of_target,
                                .write = write_shifted,
                                .bpe_dropout = true,
                                .r_drop = true,
                                .beams = true,
                                .label_smoothing = 0.1f,
                                .tokenizer = HD_KIND_BPE,
                                .special = end_and_pad,
                                .starts_with_pad = true,
                                .metric = HD_METRIC_BLEU,
                                .metrics = METRIC(LOSS) | METRIC(BLEU),
                                .perplexity = "perplexity",
                                .pipeline = "translation",
                                .examples = "pairs",
                                .targets = "target tokens",
                                .target = "token"},
    [HD_OBJECTIVE_LANGUAGE] = {.name = "language",
                               .family = &hd_gpt2,
                               .head = HD_HEAD_LANGUAGE,
                               .decodes = true,
                               .read = hd_read_language,
                               .draw = hd_draw_language,
                               .weight = longer_side,
                               .cuts_texts = true,
                               .target_count = all_but_first,
                               .decoder_count = all_but_first,
                               .write = write_next_tokens,
                               .whole_file = true,
                               .r_drop = true,
                               .tokenizer = HD_KIND_BYTE_BPE,
                               .metric = HD_METRIC_LOSS,
                               .metrics = METRIC(LOSS) | METRIC(ACCURACY),
                               .perplexity = "perplexity",
                               .pipeline = "text-generation",
                               .examples = "examples",
                               .targets = "targets",
                               .target = "token"},
    [HD_OBJECTIVE_MASKED] = {.name = "masked",
                             .family = &hd_bert,
                             .head = HD_HEAD_MASKED,
                             .encodes = true,
                             .read = hd_read_masked,
                             .draw = hd_draw_masked,
                             .weight = longer_side,
                             .target_count = chosen_tokens,
                             .write = write_rows,
                             .by_row = true,
                             .tokenizer = HD_KIND_BPE,
                             .special = masks,
                             .any_special = true,
                             .metric = HD_METRIC_LOSS,
                             .metrics = METRIC(LOSS) | METRIC(ACCURACY),
                             .perplexity = "pseudo_perplexity",
                             .pipeline = "fill-mask",
                             .examples = "examples",
                             .targets = "targets",
                             .target = "token"},
    [HD_OBJECTIVE_CLASSIFY] = {.name = "classify",
                               .family = &hd_bert,
                               .head = HD_HEAD_CLASSIFY_TEXT,
                               .encodes = true,
                               .two_files = true,
                               .labels = HD_LABELS_OF_LINES,
                               .read = hd_read_labelled,
                               .weight = longer_side,
                               .target_count = count_of_target,
                               .write = write_label,
                               .r_drop = true,
                               .tokenizer = HD_KIND_BPE,
                               .metric = HD_METRIC_ACCURACY,
                               .metrics = METRIC(LOSS) | METRIC(ACCURACY),
                               .pipeline = "text-classification",
                               .examples = "examples",
                               .targets = "targets",
                               .target = "text"},
    [HD_OBJECTIVE_TAG] = {.name = "tag",
                          .family = &hd_bert,
                          .head = HD_HEAD_CLASSIFY_TOKENS,
                          .encodes = true,
                          .labels = HD_LABELS_OF_WORDS,
                          .read = hd_read_tagged,
                          .weight = longer_side,
                          .target_count = chosen_tokens,
                          .write = write_rows,
                          .by_row = true,
                          .r_drop = true,
                          .crf = true,
                          .tokenizer = HD_KIND_BPE,
                          .metric = HD_METRIC_SPAN_F1,
                          .metrics = METRIC(LOSS) | METRIC(ACCURACY) | METRIC(SPAN_F1),
                          .pipeline = "token-classification",
                          .examples = "examples",
                          .targets = "targets",
                          .target = "token"},
    [HD_OBJECTIVE_ANSWER] = {.name = "answer",
                             .family = &hd_bert,
                             .head = HD_HEAD_ANSWER,
                             .encodes = true,
                             .questions = true,
                             .read = hd_read_questions,
                             .weight = longer_side,
                             .target_count = both_ends,
                             .write = write_ends,
                             .typed = true,
                             .tokenizer = HD_KIND_WORDPIECE,
                             .metric = HD_METRIC_ANSWER_F1,
                             .metrics = METRIC(LOSS) | METRIC(EXACT_MATCH) | METRIC(ANSWER_F1),
                             .pipeline = "question-answering",
                             .examples = "examples",
                             .targets = "targets",
                             .target = "end of an answer"},
};

const char *hd_objective_name(int index) {
    return index >= 0 && index < (int)HD_COUNT(hd_objectives) ? hd_objectives[index].name : NULL;
}

const char *hd_metric_option(int index) {
    return index >= 0 && index < (int)HD_COUNT(hd_metrics) ? hd_metrics[index].option : NULL;
}
