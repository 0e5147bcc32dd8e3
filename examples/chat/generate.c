/* Writes conversations about heed, from a file of answers and their questions:
 *
 *     chat-generate FACTS PREFIX [SEED [TRAIN]]
 *
 * writes PREFIX.train.txt and PREFIX.valid.txt, one conversation per line in the form that the template of models/heed-chat has,
 * and PREFIX.test.src, PREFIX.test.tgt and PREFIX.unseen.src, PREFIX.unseen.tgt: single questions and their answers. FACTS
 * explains its format. A phrasing of a question belongs to one of the sets, so "test" has paraphrases that are in no conversation
 * for training; "unseen" has questions of forms that training has not. The same seed gives the same files. */
#include <ctype.h>
#include <string.h>

#include "../pairs.h"

enum { LINES = 2000, ANSWERS = 200, WIDTH = 512, HELD_OUT = 200 };

typedef struct question {
    const char *pattern;
    int answer;
    char set; /* '!' for the test alone, '+' for training alone, 0 for all */
} question;

typedef struct facts {
    question questions[LINES];
    const char *answers[ANSWERS];
    int first[ANSWERS + 1];               /* its first question; those of an answer lie together */
    int count, answer_count, short_count; /* short: for training alone */
} facts;

/* Splits the text of a file, which it changes, into answers and questions. */
static bool parse_facts(char *text, facts *found) {
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (*line == '#') continue;
        if (*line == '=') {
            if (found->answer_count == ANSWERS) return false;
            found->first[found->answer_count] = found->count;
            found->answers[found->answer_count++] = line + 2;
        } else {
            if (found->count == LINES || found->answer_count == 0) return false;
            char set = *line == '!' || *line == '+' ? *line : 0;
            found->short_count += set == '+';
            found->questions[found->count++] = (question){line + (set != 0), found->answer_count - 1, set};
        }
    }
    found->first[found->answer_count] = found->count;
    return found->count > 0;
}

/* Writes the pattern with one alternative of each [a|b] to out[size]. */
static void expand(const char *pattern, char *out, size_t size, uint64_t *state) {
    size_t length = 0;
    for (const char *at = pattern; *at; at++) {
        const char *end = *at == '[' ? strchr(at, ']') : NULL;
        if (!end) {
            if (length < size - 1) out[length++] = *at;
            continue;
        }
        int count = 1;
        for (const char *c = at; c < end; c++) count += *c == '|';
        const char *from = at + 1;
        for (int choice = below(state, count); choice > 0; choice--) from = strchr(from, '|') + 1;
        while (*from != '|' && *from != ']' && length < size - 1) out[length++] = *from++;
        at = end;
    }
    out[length] = 0;
}

/* One phrasing in ten is for the test, and one in ten for validation. */
static int set_of_phrasing(const char *text) {
    uint64_t hash = 0;
    for (; *text; text++) hash = mix(hash ^ (unsigned char)*text);
    return hash % 10 == 0 ? TEST : hash % 10 == 1 ? VALID : TRAIN;
}

/* Leaves out a word, as people do who type keywords: so the model learns that no single word decides. */
static void drop_word(char *text, uint64_t *state) {
    int words = 1;
    for (const char *at = text; *at; at++) words += *at == ' ';
    if (words < 3) return;
    char *from = text;
    for (int skipped = below(state, words); skipped > 0; skipped--) from = strchr(from, ' ') + 1;
    char *to = strchr(from, ' ');
    if (to)
        memmove(from, to + 1, strlen(to + 1) + 1);
    else
        from[-1] = 0;
}

/* As people type it: with a mark or without, and with a capital or without. */
static void write_question(const char *text, const char *opening, char *out, uint64_t *state) {
    static const char *const ends[] = {"?", "?", "?", "", ".", "!"};
    snprintf(out, WIDTH, "%s%s%s", opening, text, ends[below(state, (int)(sizeof ends / sizeof *ends))]);
    if (below(state, 2)) *out = (char)toupper((unsigned char)*out);
}

/* A question of the answer that belongs to the set, as a person may type it. False if the answer seems to have none. */
static bool choose_question(const facts *known, int answer, int set, char *out, uint64_t *state) {
    static const char *const openings[] = {
        "", "", "", "", "", "", "please tell me, ", "hello, ", "one question: ", "hi, "};
    char text[WIDTH - 32]; /* as long as the longest question of FACTS; the rest is for an opening */
    int first = known->first[answer], count = known->first[answer + 1] - first;
    for (int attempt = 0; attempt < 1000; attempt++) {
        const question *chosen = &known->questions[first + below(state, count)];
        expand(chosen->pattern, text, sizeof text, state);
        if (chosen->set || set_of_phrasing(text) != set) continue;
        if (set == TRAIN && below(state, 3) == 0) drop_word(text, state);
        if (set == TRAIN && below(state, 6) == 0) drop_word(text, state);
        if (set == TRAIN && set_of_phrasing(text) != TRAIN) continue; /* it may have become one for the test */
        write_question(text, openings[below(state, (int)(sizeof openings / sizeof *openings))], out, state);
        return true;
    }
    return false;
}

/* A question that is for training alone, such as a greeting. */
static int choose_short(const facts *known, char *out, uint64_t *state) {
    const question *q;
    do q = &known->questions[below(state, known->count)];
    while (q->set != '+');
    char text[WIDTH - 32];
    expand(q->pattern, text, sizeof text, state);
    write_question(text, "", out, state);
    return q->answer;
}

/* Every third conversation for training begins with a greeting or another short message. */
static void write_conversation(const facts *known, int set, FILE *file, uint64_t *state) {
    char text[WIDTH];
    bool greets = set == TRAIN && known->short_count && below(state, 3) == 0;
    for (int turns = 1 + (below(state, 3) == 0) + (below(state, 9) == 0); turns > 0; greets = false) {
        int answer = greets ? choose_short(known, text, state) : below(state, known->answer_count);
        if (!greets && !choose_question(known, answer, set, text, state)) continue;
        fprintf(file, "User:%s Heed:%s%s", text, known->answers[answer], --turns > 0 ? "<|endoftext|>" : "");
    }
    fputc('\n', file);
}

static bool write_conversations(const facts *known, const char *prefix, int set, long count, uint64_t *state) {
    char path[4096];
    snprintf(path, sizeof path, "%s.%s.txt", prefix, set == TRAIN ? "train" : "valid");
    FILE *file = fopen(path, "w");
    if (!file) return false;
    for (; count > 0; count--) write_conversation(known, set, file, state);
    return fclose(file) == 0;
}

/* Single questions: at most HELD_OUT of the test set, whatever the answer, or all that are for the test alone. */
static bool write_questions(const facts *known, const char *prefix, bool unseen, uint64_t *state) {
    const char *name = unseen ? "unseen" : "test";
    FILE *source = create_side("chat-generate", prefix, name, "src");
    FILE *target = source ? create_side("chat-generate", prefix, name, "tgt") : NULL;
    char text[WIDTH];
    for (int i = 0; target && i < (unseen ? known->count : HELD_OUT);) {
        if (unseen && known->questions[i].set != '!') {
            i++;
            continue;
        }
        int answer = unseen ? known->questions[i].answer : below(state, known->answer_count);
        if (unseen)
            snprintf(text, sizeof text, "%s", known->questions[i].pattern);
        else if (!choose_question(known, answer, TEST, text, state))
            continue;
        fprintf(source, "%s\n", text);
        fprintf(target, "%s\n", known->answers[answer]);
        i++;
    }
    bool written = target != NULL;
    if (source && fclose(source) != 0) written = false;
    if (target && fclose(target) != 0) written = false;
    return written;
}

/* The bytes of a file with a final zero, or NULL. */
static char *read_all(const char *path) {
    FILE *file = fopen(path, "r");
    long size = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    char *text = size >= 0 ? malloc((size_t)size + 1) : NULL;
    if (text) {
        rewind(file);
        text[fread(text, 1, (size_t)size, file)] = 0;
    }
    if (file) fclose(file);
    return text;
}

int main(int count, char **words) {
    if (count < 3 || count > 5) {
        fprintf(stderr, "usage: chat-generate FACTS PREFIX [SEED [TRAIN]]\n");
        return 2;
    }
    static facts known;
    char *text = read_all(words[1]);
    if (!text || !parse_facts(text, &known)) {
        fprintf(stderr, "chat-generate: %s: no answers with questions\n", words[1]);
        return 1;
    }
    uint64_t state = count > 3 ? strtoull(words[3], NULL, 10) : 1;
    long train = count > 4 ? strtol(words[4], NULL, 10) : 40000;
    bool written = write_conversations(&known, words[2], TRAIN, train, &state) &&
                   write_conversations(&known, words[2], VALID, train / 40, &state) &&
                   write_questions(&known, words[2], false, &state) && write_questions(&known, words[2], true, &state);
    if (!written) fprintf(stderr, "chat-generate: cannot write %s.*\n", words[2]);
    free(text);
    return written ? 0 : 1;
}
