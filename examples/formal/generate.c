/* Writes pairs of a formal and an informal message with the same meaning, in both directions:
 *
 *     formal-generate PREFIX [SEED [TRAIN [HELD-OUT]]]
 *
 * writes PREFIX.train.src and .tgt (20,000 lines each), PREFIX.valid.* and PREFIX.test.* (500 each). A source begins with the
 * style of its target, "formal: " or "informal: ". The same seed gives the same files.
 *
 * A message has an optional greeting, one or two statements and an optional closing. A statement is a kind, such as a request,
 * with a task, a thing and a time. The source chooses among several phrasings, the target has the only phrasing of its style: so
 * a rewriting is right or wrong. All messages with the same statements belong to one of the three sets. */
#include <string.h>

#include "../pairs.h"
#include "../phrases.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static const char *const names[] = {"Anna",   "Ben",    "Clara",  "David",  "Emma",   "Felix",  "Grace", "Henry",
                                    "Ida",    "James",  "Karen",  "Leo",    "Maria",  "Noah",   "Olga",  "Peter",
                                    "Rosa",   "Samuel", "Teresa", "Victor", "Walter", "Yvonne", "Alice", "Boris",
                                    "Carmen", "Daniel", "Edith",  "Frank",  "Greta",  "Hugo",   "Irene", "Jonas",
                                    "Laura",  "Martin", "Nina",   "Oscar",  "Paula",  "Robert", "Sofia", "Tim"};

/* A verb in the forms that the phrasings need: "send", "sent", "sending". */
typedef struct verb {
    const char *base, *participle, *gerund;
} verb;

static const verb verbs[] = {{"send", "sent", "sending"},
                             {"check", "checked", "checking"},
                             {"print", "printed", "printing"},
                             {"sign", "signed", "signing"},
                             {"finish", "finished", "finishing"},
                             {"read", "read", "reading"},
                             {"cancel", "cancelled", "cancelling"},
                             {"update", "updated", "updating"},
                             {"translate", "translated", "translating"},
                             {"move", "moved", "moving"},
                             {"approve", "approved", "approving"},
                             {"shorten", "shortened", "shortening"},
                             {"correct", "corrected", "correcting"},
                             {"copy", "copied", "copying"},
                             {"discuss", "discussed", "discussing"},
                             {"prepare", "prepared", "preparing"},
                             {"rewrite", "rewritten", "rewriting"},
                             {"submit", "submitted", "submitting"},
                             {"archive", "archived", "archiving"},
                             {"explain", "explained", "explaining"},
                             {"forward", "forwarded", "forwarding"},
                             {"review", "reviewed", "reviewing"},
                             {"delete", "deleted", "deleting"},
                             {"find", "found", "finding"}};

static const char *const things[] = {"report",   "contract", "invoice",  "letter",   "presentation", "schedule",
                                     "proposal", "budget",   "manual",   "summary",  "application",  "newsletter",
                                     "form",     "list",     "offer",    "draft",    "agenda",       "order",
                                     "file",     "paper",    "calendar", "document", "email",        "article",
                                     "survey",   "photo",    "booking",  "recipe",   "plan",         "speech"};

/* Formal and informal. The empty one is said by all. */
static const char *const times[][2] = {{"", ""},
                                       {" today", " today"},
                                       {" tomorrow", " tomorrow"},
                                       {" on Monday", " on monday"},
                                       {" on Friday", " on friday"},
                                       {" this afternoon", " this arvo"},
                                       {" as soon as possible", " asap"},
                                       {" before noon", " before lunch"},
                                       {" next week", " next week"},
                                       {" on Wednesday", " on wednesday"},
                                       {" this evening", " tonight"},
                                       {" immediately", " right now"},
                                       {" at your earliest convenience", " when you've got a minute"},
                                       {" by the end of the month", " by the end of the month"}};

static const char *const opinions[][2] = {
    {"excellent", "awesome"},  {"very good", "great"},      {"acceptable", "ok"},         {"confusing", "a mess"},
    {"disappointing", "lame"}, {"unacceptable", "rubbish"}, {"impressive", "super cool"}, {"tedious", "boring"}};

/* ---- statements ---- */

typedef enum statement_kind {
    REQUEST,
    INABILITY,
    PROMISE,
    PASSIVE,
    NOT_YET,
    OPINION,
    THANKS,
    QUESTION,
    PERMISSION,
    REMINDER,
    DUTY,
    WISH, /* with a verb */
    DELAY,
    CONFUSION,
    AGREEMENT,
    KINDS
} statement_kind;

typedef struct statement {
    statement_kind kind;
    int verb, thing, time, opinion;
} statement;

static statement draw_statement(uint64_t *state) {
    statement s = {.kind = (statement_kind)below(state, KINDS)};
    s.verb = below(state, COUNT(verbs));
    s.thing = below(state, COUNT(things));
    s.time = below(state, COUNT(times));
    s.opinion = below(state, COUNT(opinions));
    if (s.kind == NOT_YET || s.kind == OPINION || s.kind == THANKS || s.kind >= DELAY) s.time = 0;
    if (s.kind != OPINION) s.opinion = 0;
    if (s.kind == OPINION || s.kind >= DELAY) s.verb = 0;
    return s;
}

static uint64_t hash_statement(uint64_t hash, const statement *s) {
    hash = mix(hash + (uint64_t)s->kind * 1000003u + (uint64_t)s->verb * 10007u);
    return mix(hash + (uint64_t)s->thing * 1009u + (uint64_t)s->time * 101u + (uint64_t)s->opinion + 1);
}

/* `way` 0 is the phrasing of targets. */
enum { WAYS = 4 };

static const char *const formal_phrasings[KINDS][WAYS] = {
    [REQUEST] = {"Could you please %s the %s%s?", "Would you be so kind as to %s the %s%s?",
                 "I would be grateful if you could %s the %s%s.", "I kindly ask you to %s the %s%s."},
    [INABILITY] = {"I am afraid that I cannot %s the %s%s.", "Unfortunately, I am unable to %s the %s%s.",
                   "I regret that I will not be able to %s the %s%s.",
                   "It will not be possible for me to %s the %s%s."},
    [PROMISE] = {"I will %s the %s%s.", "I shall %s the %s%s.", "I assure you that I will %s the %s%s.",
                 "You may rely on me to %s the %s%s."},
    [PASSIVE] = {"The %s will be %s%s.", "Please note that the %s will be %s%s.",
                 "We would like to inform you that the %s will be %s%s.",
                 "It has been decided that the %s will be %s%s."},
    [NOT_YET] = {"I have not yet %s the %s.", "I have not %s the %s so far.",
                 "I apologize for not having %s the %s yet.", "To date, I have not %s the %s."},
    [OPINION] = {"I consider the %s to be %s.", "In my opinion, the %s is %s.", "It appears to me that the %s is %s.",
                 "I am of the opinion that the %s is %s."},
    [THANKS] = {"Thank you very much for %s the %s.", "I would like to thank you for %s the %s.",
                "I greatly appreciate your %s the %s.", "I am very grateful to you for %s the %s."},
    [QUESTION] = {"Do you know whether we will %s the %s%s?", "Could you inform me whether we will %s the %s%s?",
                  "I would like to know whether we will %s the %s%s.", "May I ask whether we will %s the %s%s?"},
    [PERMISSION] = {"May I %s the %s%s?", "Would you permit me to %s the %s%s?",
                    "Would it be acceptable if I were to %s the %s%s?",
                    "I would like to ask for permission to %s the %s%s."},
    [REMINDER] = {"Please remember to %s the %s%s.", "I would like to remind you to %s the %s%s.",
                  "May I remind you to %s the %s%s?", "Kindly do not forget to %s the %s%s."},
    [DUTY] = {"I have to %s the %s%s.", "I am obliged to %s the %s%s.", "It is necessary for me to %s the %s%s.",
              "I am required to %s the %s%s."},
    [WISH] = {"I would like to %s the %s%s.", "It would be my pleasure to %s the %s%s.",
              "I would very much like to %s the %s%s.", "I should be glad to %s the %s%s."},
    [DELAY] = {"I apologize for the delay of the %s.", "Please accept my apologies for the delay of the %s.",
               "I am sorry that the %s is delayed.", "We regret the delay of the %s."},
    [CONFUSION] = {"I do not understand the %s.", "I am unable to understand the %s.", "The %s is not clear to me.",
                   "I have difficulty understanding the %s."},
    [AGREEMENT] = {"I agree with the %s.", "I am in agreement with the %s.", "I have no objection to the %s.",
                   "The %s has my approval."},
};

static const char *const informal_phrasings[KINDS][WAYS] = {
    [REQUEST] = {"can you %s the %s%s?", "pls %s the %s%s", "could u %s the %s%s?", "do me a favour and %s the %s%s"},
    [INABILITY] = {"sorry, can't %s the %s%s", "no way i can %s the %s%s", "i won't be able to %s the %s%s, sorry",
                   "can't make it to %s the %s%s"},
    [PROMISE] = {"i'll %s the %s%s", "gonna %s the %s%s", "don't worry, i'll %s the %s%s",
                 "yeah, i'm gonna %s the %s%s"},
    [PASSIVE] = {"they're gonna %s the %s%s", "fyi, they'll %s the %s%s", "just so you know, they're gonna %s the %s%s",
                 "btw they'll %s the %s%s"},
    [NOT_YET] = {"haven't %s the %s yet", "i still haven't %s the %s", "oops, i haven't %s the %s yet",
                 "nope, haven't %s the %s so far"},
    [OPINION] = {"the %s is %s", "i think the %s is %s", "if you ask me, the %s is %s", "imho the %s is %s"},
    [THANKS] = {"thanks for %s the %s!", "thx for %s the %s", "cheers for %s the %s!", "thanks a bunch for %s the %s"},
    [QUESTION] = {"are we gonna %s the %s%s?", "d'you know if we'll %s the %s%s?",
                  "any idea if we're gonna %s the %s%s?", "so will we %s the %s%s or not?"},
    [PERMISSION] = {"can i %s the %s%s?", "ok if i %s the %s%s?", "mind if i %s the %s%s?",
                    "is it cool if i %s the %s%s?"},
    [REMINDER] = {"don't forget to %s the %s%s", "remember to %s the %s%s, ok?", "hey, you still gotta %s the %s%s",
                  "just a reminder to %s the %s%s"},
    [DUTY] = {"i gotta %s the %s%s", "i have got to %s the %s%s", "ugh, need to %s the %s%s", "i've gotta %s the %s%s"},
    [WISH] = {"i wanna %s the %s%s", "i'd love to %s the %s%s", "i'm up for it, lemme %s the %s%s",
              "really wanna %s the %s%s"},
    [DELAY] = {"sorry the %s is late", "my bad, the %s isn't done on time", "sorry for the wait for the %s",
               "oops, the %s is running late"},
    [CONFUSION] = {"i don't get the %s", "no clue what the %s is about", "the %s makes no sense to me",
                   "can't make sense of the %s"},
    [AGREEMENT] = {"i'm fine with the %s", "the %s is ok for me", "yep, i'm cool with the %s", "no probs with the %s"},
};

/* `style` is 0 for formal, 1 for informal. */
static void say_statement(phrase *said, const statement *s, int style, int way) {
    const verb *v = &verbs[s->verb];
    const char *thing = things[s->thing], *time = times[s->time][style], *opinion = opinions[s->opinion][style];
    const char *format = style ? informal_phrasings[s->kind][way] : formal_phrasings[s->kind][way];
    switch (s->kind) {
        case PASSIVE:
            say(said, format, style ? v->base : thing, style ? thing : v->participle, time);
            break;
        case NOT_YET:
            say(said, format, v->participle, thing);
            break;
        case THANKS:
            say(said, format, v->gerund, thing);
            break;
        case OPINION:
            say(said, format, thing, opinion);
            break;
        case DELAY:
        case CONFUSION:
        case AGREEMENT:
            say(said, format, thing);
            break;
        default:
            say(said, format, v->base, thing, time);
            break;
    }
}

/* ---- messages ---- */

typedef struct message {
    int greeted, signer; /* -1: nobody */
    int count;           /* of statements */
    statement statements[2];
} message;

static message draw_message(uint64_t *state) {
    message m = {.greeted = below(state, 2) ? below(state, COUNT(names)) : -1,
                 .signer = below(state, 4) == 0 ? below(state, COUNT(names)) : -1,
                 .count = 1 + (below(state, 3) == 0)};
    for (int i = 0; i < m.count; i++) m.statements[i] = draw_statement(state);
    return m;
}

/* Every statement belongs to one set, so a held-out statement is in no training message. */
static bool belongs(const message *m, int set) {
    for (int i = 0; i < m->count; i++)
        if (set_of(hash_statement(7, &m->statements[i])) != set) return false;
    return true;
}

static int choose_way(uint64_t *state, bool target) { return target ? 0 : below(state, WAYS); }

static phrase write_formally(const message *m, bool target, uint64_t *state) {
    static const char *const greetings[] = {"Dear %s, ", "Good morning, %s. ", "Good afternoon, %s. ", "My dear %s, "};
    static const char *const closings[] = {" Yours sincerely, %s", " Kind regards, %s", " Respectfully, %s",
                                           " Sincerely yours, %s"};
    phrase said = {0};
    if (m->greeted >= 0) say(&said, greetings[choose_way(state, target)], names[m->greeted]);
    for (int i = 0; i < m->count; i++) {
        if (i) say(&said, " ");
        say_statement(&said, &m->statements[i], 0, choose_way(state, target));
    }
    if (m->signer >= 0) say(&said, closings[choose_way(state, target)], names[m->signer]);
    return said;
}

static bool ends_sentence(const phrase *said) { return strchr("?!", said->text[said->size - 1]) != NULL; }

static phrase write_informally(const message *m, bool target, uint64_t *state) {
    static const char *const greetings[] = {"hey %s, ", "hi %s! ", "yo %s, ", "%s, "};
    static const char *const closings[] = {" cheers, %s", " bye, %s", " see ya, %s", " xx %s"};
    phrase said = {0};
    if (m->greeted >= 0) say(&said, greetings[choose_way(state, target)], names[m->greeted]);
    for (int i = 0; i < m->count; i++) {
        if (i) say(&said, ends_sentence(&said) ? " " : ". ");
        say_statement(&said, &m->statements[i], 1, choose_way(state, target));
    }
    if (m->signer >= 0) say(&said, ends_sentence(&said) ? "" : ".");
    if (m->signer >= 0) say(&said, closings[choose_way(state, target)], names[m->signer]);
    return said;
}

static bool write_message(FILE *source, FILE *target, int set, uint64_t *state) {
    message m = draw_message(state);
    bool to_formal = below(state, 2);
    if (!belongs(&m, set)) return false;
    phrase formal = write_formally(&m, to_formal, state), informal = write_informally(&m, !to_formal, state);
    fprintf(source, "%s: %s\n", to_formal ? "formal" : "informal", to_formal ? informal.text : formal.text);
    fprintf(target, "%s\n", to_formal ? formal.text : informal.text);
    return true;
}

int main(int count, char **arguments) {
    if (count < 2 || count > 5) {
        fprintf(stderr, "usage: formal-generate PREFIX [SEED [TRAIN [HELD-OUT]]]\n");
        return 2;
    }
    return write_sets("formal-generate", write_message, arguments[1], count - 2, arguments + 2) ? 0 : 1;
}
