/* Writes a reading set: short passages, questions about them, and the parts of the passages that answer the questions, or none.
 *
 *     reading-generate PREFIX [SEED [TRAIN [HELD-OUT]]]
 *
 * writes PREFIX.train.jsonl (20,000 passages with three questions each), PREFIX.valid.jsonl, PREFIX.test.jsonl,
 * PREFIX.names.jsonl and PREFIX.templates.jsonl (250 passages each), in the format of SQuAD with a JSON object per line. With "-"
 * for PREFIX, the training lines go to standard output. The same seed gives the same files. A passage is in one of the first
 * three sets. The set "names" has people, pets and cities, and the set "templates" has wordings, that no other set has. */
#include <string.h>

#include "../pairs.h"
#include "facts.h"
#include "words.h"

enum { NAMES = TEST + 1, TEMPLATES, SETS };
enum { FACTS = 6, SLOTS = 5, PEOPLE = 4, TEXT = 64, PASSAGE = 2048, USED = 64, QUESTIONS_PER_PASSAGE = 3 };

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

typedef struct person {
    char first[TEXT], last[TEXT]; /* last: "" if the passage does not say */
    bool woman;
    int start, size; /* of the last mention by name, in the passage */
} person;

typedef struct fact {
    const fact_kind *kind;
    int subject; /* the person in slot 0; −1: it is no person */
    char values[SLOTS][TEXT];
    int starts[SLOTS]; /* in the passage; −1: slot 0 is a pronoun */
} fact;

/* A passage that is being written. */
typedef struct passage {
    uint64_t state; /* of the random numbers */
    int set;
    char text[PASSAGE];
    int size;
    fact facts[FACTS];
    int fact_count;
    person people[PEOPLE];
    int people_count;
    char used[USED][TEXT]; /* values, none of which comes twice */
    int used_count;
} passage;

static int draw(passage *p, int bound) { return below(&p->state, bound); }

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Every eighth name of a list. */
static int draw_name(passage *p, int count) {
    for (;;) {
        int index = draw(p, count);
        if ((index % 8 == 7) == (p->set == NAMES)) return index;
    }
}

static uint64_t hash_of(const char *text) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 0x100000001B3u;
    return mix(hash);
}

/* A name that nobody has, of two or three syllables. */
static void invent(passage *p, char *out) {
    do {
        out[0] = 0;
        for (int i = 2 + draw(p, 2); i > 0; i--) strcat(out, syllables[draw(p, COUNT(syllables))]);
        if (draw(p, 2)) strcat(out, codas[draw(p, COUNT(codas))]);
        out[0] = (char)(out[0] - 'a' + 'A');
    } while ((hash_of(out) % 8 == 7) != (p->set == NAMES));
}

#define ONE_OF(list)  list[draw(p, COUNT(list))]
#define NAME_OF(list) list[draw_name(p, COUNT(list))]

static void draw_time(passage *p, int first, char *out) {
    static const char *const quarters[] = {"half past", "quarter past", "quarter to"};
    int hour = first + draw(p, 9), way = draw(p, 5);
    if (way < 2)
        snprintf(out, TEXT, "%d:%02d", hour, 5 * draw(p, 12));
    else if (way == 2)
        snprintf(out, TEXT, "%d %s", hour > 12 ? hour - 12 : hour, hour < 12 ? "am" : "pm");
    else if (way == 3)
        snprintf(out, TEXT, "%s %s", ONE_OF(quarters), ONE_OF(numbers));
    else
        snprintf(out, TEXT, "%s o'clock", ONE_OF(numbers));
}

static void draw_price(passage *p, char *out) {
    static const char *const currencies[] = {"euros", "dollars", "pounds", "crowns", "francs"};
    int way = draw(p, 4);
    if (way == 0)
        snprintf(out, TEXT, "$%d", 5 + draw(p, 400));
    else if (way == 1)
        snprintf(out, TEXT, "%d.%02d %s", 1 + draw(p, 90), 5 * draw(p, 20), ONE_OF(currencies));
    else
        snprintf(out, TEXT, "%d %s", 2 + draw(p, 900), ONE_OF(currencies));
}

static void draw_date(passage *p, char *out) {
    int day = 1 + draw(p, 28), way = draw(p, 4);
    const char *month = ONE_OF(months);
    if (way == 0)
        snprintf(out, TEXT, "%s %d", month, day);
    else if (way == 1)
        snprintf(out, TEXT, "%d %s %d", day, month, 1990 + draw(p, 50));
    else
        snprintf(out, TEXT, "%d %s", day, month);
}

static void draw_place(passage *p, char *out) {
    static const char *const kinds_of_place[] = {"platform", "gate", "pier", "stop", "track"};
    snprintf(out, TEXT, "%s %d", ONE_OF(kinds_of_place), 1 + draw(p, 40));
}

static void draw_city(passage *p, char *out) {
    if (draw(p, 3) == 0)
        invent(p, out);
    else
        snprintf(out, TEXT, "%s", NAME_OF(cities));
}

static void draw_value(passage *p, char type, char *out) {
    switch (type) {
        case 'C':
        case 'c':
            draw_city(p, out);
            break;
        case 'Y':
            snprintf(out, TEXT, "%d", 1700 + draw(p, 340));
            break;
        case 'J':
            snprintf(out, TEXT, "%s", ONE_OF(jobs));
            break;
        case 'O':
            snprintf(out, TEXT, "%s %s", ONE_OF(adjectives), ONE_OF(things));
            break;
        case 'M':
            draw_price(p, out);
            break;
        case 'S':
            snprintf(out, TEXT, "%s", ONE_OF(shops));
            break;
        case 'V':
            snprintf(out, TEXT, "%s", ONE_OF(vehicles));
            break;
        case 'T':
            draw_time(p, 5, out);
            break;
        case 'R':
            draw_time(p, 14, out);
            break;
        case 'X':
            draw_place(p, out);
            break;
        case 'B':
            snprintf(out, TEXT, "%s %s", ONE_OF(colours), ONE_OF(buildings));
            break;
        case 'E':
            snprintf(out, TEXT, "%s", ONE_OF(events));
            break;
        case 'D':
            draw_date(p, out);
            break;
        case 'G':
            snprintf(out, TEXT, "%s", ONE_OF(places));
            break;
        case 'N':
            snprintf(out, TEXT, "%s %s", ONE_OF(colours), ONE_OF(companies));
            break;
        case 'A':
            snprintf(out, TEXT, "%s", ONE_OF(animals));
            break;
        case 'U':
            snprintf(out, TEXT, "%s", NAME_OF(pets));
            break;
        case 'h':
            snprintf(out, TEXT, "%s %s", ONE_OF(adjectives), ONE_OF(structures));
            break;
        case 'H':
            snprintf(out, TEXT, "%d %s", 2 + draw(p, 900), draw(p, 3) ? "metres" : "feet");
            break;
        case 'Q':
            snprintf(out, TEXT, "%s", ONE_OF(materials));
            break;
        case 'L':
            snprintf(out, TEXT, "%s", ONE_OF(languages));
            break;
        case 'I':
            snprintf(out, TEXT, "%s", ONE_OF(instruments));
            break;
        case 'Z':
            snprintf(out, TEXT, "%s", ONE_OF(prizes));
            break;
        case 'F':
        case 'f':
            snprintf(out, TEXT, "%s", ONE_OF(foods));
            break;
        case 'k':
            snprintf(out, TEXT, "%s", ONE_OF(meals));
            break;
        case 'W':
            snprintf(out, TEXT, "%s", ONE_OF(weekdays));
            break;
        case 'K':
            snprintf(out, TEXT, "The %s and the %s", ONE_OF(title_words), ONE_OF(title_words));
            break;
        case 'w':
            snprintf(out, TEXT, "%s", ONE_OF(numbers));
            break;
        default:
            out[0] = 0;
            break;
    }
}

static bool is_used(const passage *p, const char *value) {
    for (int i = 0; i < p->used_count; i++)
        if (strcmp(p->used[i], value) == 0) return true;
    return false;
}

static void use(passage *p, const char *value) {
    if (p->used_count < USED) snprintf(p->used[p->used_count++], TEXT, "%s", value);
}

static void draw_person(passage *p, person *out) {
    *out = (person){.woman = draw(p, 2), .start = -1};
    do {
        if (draw(p, 6) == 0)
            invent(p, out->first);
        else
            snprintf(out->first, TEXT, "%s", out->woman ? NAME_OF(women) : NAME_OF(men));
    } while (is_used(p, out->first));
    use(p, out->first);
    if (draw(p, 4) == 0) return;
    do {
        if (draw(p, 3) == 0)
            invent(p, out->last);
        else
            snprintf(out->last, TEXT, "%s", NAME_OF(last_names));
    } while (is_used(p, out->last));
    use(p, out->last);
}

static void full_name(const person *who, char *out) {
    const person name = *who;
    snprintf(out, TEXT, "%.30s%s%.30s", name.first, name.last[0] ? " " : "", name.last);
}

/* The values of a kind's slots from `first` on, none of which is in the passage. */
static void draw_values(passage *p, fact *f, int first) {
    for (int slot = first; f->kind->types[slot]; slot++) {
        char type = f->kind->types[slot];
        if (type == 'p' || type == 'P') {
            person other;
            draw_person(p, &other);
            full_name(&other, f->values[slot]);
            continue;
        }
        for (int tries = 0; tries < 100; tries++) {
            draw_value(p, type, f->values[slot]);
            if (!is_used(p, f->values[slot])) break;
        }
        use(p, f->values[slot]);
    }
}

/* ---- sentences --------------------------------------------------------------------------------------------------- */

/* Fills in a sentence; starts [SLOTS] of the slots in `out` may be NULL. Returns its size. */
static int fill_in(const char *wording, const char *const *values, int *starts, char *out, int most) {
    int size = 0;
    for (const char *c = wording; *c && size < most - TEXT - 2; c++) {
        if (*c != '$' || c[1] < '0' || c[1] > '4') {
            out[size++] = *c;
            continue;
        }
        int slot = *++c - '0';
        bool article = size >= 2 && out[size - 1] == ' ' && out[size - 2] == 'a' && (size == 2 || out[size - 3] == ' ');
        if (article && strchr("aeio", values[slot][0] | ' ')) out[size - 1] = 'n', out[size++] = ' ';
        if (starts) starts[slot] = size;
        size += snprintf(out + size, TEXT, "%s", values[slot]);
    }
    out[size] = 0;
    return size;
}

static int count_wordings(const char *const *wordings, int most) {
    int count = 0;
    while (count < most && wordings[count]) count++;
    return count;
}

/* The last wording is the one that is held out. */
static const char *draw_wording(passage *p, const char *const *wordings, int most) {
    int count = count_wordings(wordings, most);
    return wordings[p->set == TEMPLATES ? count - 1 : draw(p, count - 1)];
}

static bool is_about(const passage *p, int subject, const fact_kind *kind) {
    for (int i = 0; i < p->fact_count; i++)
        if (p->facts[i].subject == subject && p->facts[i].kind == kind) return true;
    return false;
}

/* The person that a new fact is about, often that of the sentence before; −1: there is none left for this kind. */
static int draw_subject(passage *p, const fact_kind *kind) {
    int last = p->fact_count ? p->facts[p->fact_count - 1].subject : -1;
    if (last >= 0 && draw(p, 5) < 2 && !is_about(p, last, kind)) return last;
    for (int tries = 0; tries < 10; tries++) {
        int subject = draw(p, p->people_count);
        if (!is_about(p, subject, kind)) return subject;
    }
    return -1;
}

static void add_text(passage *p, const char *text) {
    if (p->size) p->text[p->size++] = ' ';
    p->size += snprintf(p->text + p->size, (size_t)(PASSAGE - p->size), "%s", text);
}

static void write_fact(passage *p, fact *f) {
    char sentence[512];
    const char *wording = draw_wording(p, f->kind->tells, SENTENCES), *values[SLOTS];
    bool again = p->fact_count && f->subject >= 0 && p->facts[p->fact_count - 1].subject == f->subject;
    bool pronoun = again && strncmp(wording, "$0 ", 3) == 0 && draw(p, 3) > 0;
    int place = p->size + (p->size > 0);
    for (int i = 0; i < SLOTS; i++) values[i] = f->values[i];
    if (pronoun) values[0] = p->people[f->subject].woman ? "She" : "He";
    fill_in(wording, values, f->starts, sentence, (int)sizeof sentence);
    add_text(p, sentence);
    for (int i = 0; f->kind->types[i]; i++) f->starts[i] += place;
    if (pronoun) f->starts[0] = -1;
    if (f->subject >= 0 && !pronoun) {
        p->people[f->subject].start = f->starts[0];
        p->people[f->subject].size = (int)strlen(f->values[0]);
    }
    if (pronoun) f->starts[0] = p->people[f->subject].start; /* whom the pronoun stands for */
}

static void add_fact(passage *p, const fact_kind *kind) {
    fact *f = &p->facts[p->fact_count];
    *f = (fact){.kind = kind, .subject = -1};
    bool person_first = kind->types[0] == 'P';
    if (person_first && (f->subject = draw_subject(p, kind)) < 0) return;
    if (person_first) full_name(&p->people[f->subject], f->values[0]);
    draw_values(p, f, person_first);
    write_fact(p, f);
    p->fact_count++;
}

static void write_passage(passage *p) {
    const fact_kind *some[2] = {&kinds[draw(p, KINDS)], &kinds[draw(p, KINDS)]};
    int count = 2 + draw(p, FACTS - 1);
    p->people_count = 1 + draw(p, PEOPLE);
    for (int i = 0; i < p->people_count; i++) draw_person(p, &p->people[i]);
    for (int i = 0; i < count; i++) {
        if (draw(p, 5) == 0) add_text(p, fillers[draw(p, FILLERS)]);
        add_fact(p, draw(p, 3) ? some[draw(p, 2)] : &kinds[draw(p, KINDS)]);
    }
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

typedef struct question {
    char text[512];
    const char *answer; /* NULL: the passage does not say */
    int start;
} question;

static int count_questions(const fact_kind *kind) {
    int count = 0;
    while (count < QUESTIONS && kind->questions[count].asks[0]) count++;
    return count;
}

/* How a question names a person: as the passage does, or by the first or the last name. */
static void short_name(passage *p, const person *who, char *out) {
    int way = draw(p, 6);
    if (way == 0 && who->last[0])
        snprintf(out, TEXT, "%s", who->last);
    else if (way < 3)
        snprintf(out, TEXT, "%s", who->first);
    else
        full_name(who, out);
}

static void ask(passage *p, const fact *f, int number, question *q) {
    char name[TEXT];
    const char *values[SLOTS];
    for (int i = 0; i < SLOTS; i++) values[i] = f->values[i];
    if (f->subject >= 0) short_name(p, &p->people[f->subject], name), values[0] = name;
    fill_in(draw_wording(p, f->kind->questions[number].asks, WORDINGS), values, NULL, q->text, (int)sizeof q->text);
}

/* About a fact of the passage. */
static bool ask_answered(passage *p, question *q) {
    if (!p->fact_count) return false;
    const fact *f = &p->facts[draw(p, p->fact_count)];
    int number = draw(p, count_questions(f->kind)), slot = f->kind->questions[number].answer;
    ask(p, f, number, q);
    q->answer = f->values[slot];
    q->start = f->starts[slot];
    return q->start >= 0;
}

/* About a fact that the passage has not, of one of its people or of someone else. */
static bool ask_unanswered(passage *p, question *q) {
    const fact_kind *kind =
        p->fact_count && draw(p, 2) ? p->facts[draw(p, p->fact_count)].kind : &kinds[draw(p, KINDS)];
    fact f = {.kind = kind, .subject = -1};
    int number = draw(p, count_questions(kind));
    bool known = kind->types[0] == 'P' && draw(p, 2);
    if (known && (f.subject = draw(p, p->people_count), p->people[f.subject].start < 0)) return false;
    if (known && is_about(p, f.subject, kind)) return false;
    if (known) full_name(&p->people[f.subject], f.values[0]);
    draw_values(p, &f, known);
    ask(p, &f, number, q);
    q->answer = NULL;
    return true;
}

/* ---- the files --------------------------------------------------------------------------------------------------- */

static void write_string(FILE *file, const char *text) {
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static const char *const names[] = {"train", "valid", "test", "names", "templates"};

static void write_question(FILE *file, const passage *p, const question *q, long number, int part) {
    fprintf(file, "{\"id\": \"%s-%ld-%d\", \"question\": ", names[p->set], number, part);
    write_string(file, q->text);
    fputs(", \"context\": ", file);
    write_string(file, p->text);
    fputs(", \"answers\": {\"text\": [", file);
    if (q->answer) write_string(file, q->answer);
    fputs("], \"answer_start\": [", file);
    if (q->answer) fprintf(file, "%d", q->start);
    fputs("]}}\n", file);
}

/* False if what was drawn belongs to another set. */
static bool write_one(FILE *file, int set, long number, uint64_t *state) {
    passage p = {.state = mix(*state += 0x9E3779B97F4A7C15u), .set = set};
    question q[QUESTIONS_PER_PASSAGE];
    write_passage(&p);
    if (!p.fact_count || (set <= TEST && set_of(hash_of(p.text)) != set)) return false;
    for (int i = 0; i < QUESTIONS_PER_PASSAGE; i++) {
        bool asked = false, again = true;
        for (int tries = 0; tries < 100 && (!asked || again); tries++) {
            asked = draw(&p, 6) ? ask_answered(&p, &q[i]) : ask_unanswered(&p, &q[i]);
            again = false;
            for (int j = 0; j < i; j++) again = again || strcmp(q[j].text, q[i].text) == 0;
        }
        if (asked) write_question(file, &p, &q[i], number, i + 1);
    }
    return true;
}

static bool write_set(FILE *file, int set, long count, uint64_t *state) {
    for (long i = 0; i < count;) i += write_one(file, set, i + 1, state);
    return fflush(file) == 0 && !ferror(file);
}

int main(int count, char **arguments) {
    if (count < 2 || count > 5) {
        fprintf(stderr, "usage: reading-generate PREFIX [SEED [TRAIN [HELD-OUT]]]\n");
        return 2;
    }
    uint64_t state = count > 2 ? strtoull(arguments[2], NULL, 10) : 1;
    long train = count > 3 ? strtol(arguments[3], NULL, 10) : 20000,
         held_out = count > 4 ? strtol(arguments[4], NULL, 10) : 250;
    if (strcmp(arguments[1], "-") == 0) return write_set(stdout, TRAIN, train, &state) ? 0 : 1;
    for (int set = TRAIN; set < SETS; set++) {
        char path[4096];
        snprintf(path, sizeof path, "%.4000s.%s.jsonl", arguments[1], names[set]);
        FILE *file = fopen(path, "w");
        bool written = file && write_set(file, set, set == TRAIN ? train : held_out, &state);
        if (file && fclose(file) != 0) written = false;
        if (!written) {
            fprintf(stderr, "reading-generate: cannot write %s\n", path);
            return 1;
        }
    }
    return 0;
}
