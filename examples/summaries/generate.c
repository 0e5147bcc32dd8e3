/* Writes short reports with summaries of one sentence:
 *
 *     summaries-generate PREFIX [SEED [TRAIN [HELD-OUT]]]
 *
 * writes PREFIX.train.src and .tgt (20,000 lines each), and 500 lines each of PREFIX.valid.*, PREFIX.test.* and
 * PREFIX.unseen.*. The same seed gives the same files.
 *
 * A report is about the weather, a match, a meeting or an order. It has four to eight sentences, of which the summary needs two
 * to four. Names are made of two syllables, and a pair of syllables belongs to one of the sets: so a model that summarizes the
 * test set copies names that it never read. The reports of "unseen" also have phrasings that no training report has. */
#include <string.h>

#include "../pairs.h"
#include "../phrases.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

enum { UNSEEN = TEST + 1 };

typedef struct draw {
    uint64_t *state;
    int set; /* of the names */
} draw;

static int number(const draw *d, int first, int last) { return first + below(d->state, last - first + 1); }

/* ---- words ---- */

static const char *const beginnings[] = {"Bel", "Tor", "Mar", "Kan", "Lin", "Ros", "Fal",  "Dun", "Ha", "Sel",
                                         "Wes", "Nor", "Gra", "Pel", "Cor", "Ash", "Bran", "Ve",  "Ol", "Thor"};
static const char *const person_ends[] = {"na", "vik", "la", "ren", "mo", "sa", "den", "ric", "ta", "wen", "do", "lia"};
static const char *const place_ends[] = {"ville", "ford", "mar",   "stadt", "ham",  "bury",
                                         "ton",   "burg", "field", "port",  "dale", "wick"};

typedef struct name {
    char text[24];
} name;

/* One in eight pairs of syllables is held out, half of these for validation. */
static int set_of_name(int first, int second, bool place) {
    uint64_t hash = mix((uint64_t)first * 64 + (uint64_t)second * 2 + place + 12345) % 16;
    return hash == 0 ? VALID : hash == 1 ? TEST : TRAIN;
}

static name draw_name(const draw *d, bool place) {
    name n;
    for (;;) {
        int first = below(d->state, COUNT(beginnings)), second = below(d->state, COUNT(person_ends));
        if (set_of_name(first, second, place) != (d->set == UNSEEN ? TEST : d->set)) continue;
        snprintf(n.text, sizeof n.text, "%s%s", beginnings[first], place ? place_ends[second] : person_ends[second]);
        return n;
    }
}

static name draw_other(const draw *d, bool place, const name *taken) {
    name n;
    do n = draw_name(d, place);
    while (strcmp(n.text, taken->text) == 0);
    return n;
}

static const char *const days[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

/* One of several phrasings. The last one is that of the set "unseen" alone, which always has it. */
static int way(const draw *d, int ways) { return d->set == UNSEEN ? ways - 1 : below(d->state, ways - 1); }
#define WAY(d, ways) (ways)[way(d, COUNT(ways))]

/* Sentences in random order: the summary does not depend on it. */
typedef struct sentences {
    phrase said[8];
    int count;
} sentences;

static phrase *next_sentence(sentences *s) { return &s->said[s->count++]; }

static void join(const draw *d, sentences *s, int fixed, phrase *report) {
    for (int i = s->count - 1; i > fixed; i--) { /* those after the first `fixed` ones */
        int j = number(d, fixed, i);
        phrase kept = s->said[i];
        s->said[i] = s->said[j];
        s->said[j] = kept;
    }
    for (int i = 0; i < s->count; i++) say(report, "%s%s", i ? " " : "", s->said[i].text);
}

/* ---- the weather: the place, the day, the sky and the highest temperature ---- */

static void weather(const draw *d, phrase *report, phrase *summary) {
    static const char *const skies[] = {"rain", "snow", "sunshine", "fog", "thunderstorms", "strong wind"};
    static const char *const openings[] = {
        "This is the forecast for %s on %s.",      "Here is the weather in %s for %s.",
        "%s gets the following weather on %s.",    "Today we look at %s and its weather on %s.",
        "The people of %s want to know about %s.", "What will the sky over %s do on %s?"};
    static const char *const sky[] = {"Most of the day brings %s.",   "The forecast is %s for many hours.",
                                      "Expect %s until the evening.", "We see %s for nearly the whole day.",
                                      "The day is all about %s.",     "From morning to evening there is %s."};
    static const char *const heat[] = {
        "The temperature reaches %d degrees.",    "It gets as warm as %d degrees.",
        "The highest temperature is %d degrees.", "Warmer than %d degrees it will not be.",
        "The afternoon peaks at %d degrees.",     "Thermometers climb to %d degrees."};
    static const char *const cold[] = {
        "The night before is cooler with %d degrees.", "At night it cools down to %d degrees.",
        "The night brings only %d degrees.",           "Before sunrise there are %d degrees.",
        "Evenings are fresh with %d degrees.",         "After dark, %d degrees remain."};
    static const char *const winds[] = {"A light breeze comes from the %s.", "The air moves in from the %s.",
                                        "The breeze blows from the %s.", "Flags point away from the %s."};
    static const char *const sides[] = {"north", "south", "east", "west"};
    sentences s = {.count = 0};
    name place = draw_name(d, true);
    const char *day = days[below(d->state, 7)], *over = skies[below(d->state, COUNT(skies))];
    int high = number(d, 8, 32);
    say(next_sentence(&s), WAY(d, openings), place.text, day);
    say(next_sentence(&s), WAY(d, sky), over);
    say(next_sentence(&s), WAY(d, heat), high);
    if (below(d->state, 2)) say(next_sentence(&s), WAY(d, cold), high - number(d, 4, 7));
    if (below(d->state, 2)) say(next_sentence(&s), WAY(d, winds), sides[below(d->state, 4)]);
    say(next_sentence(&s), "%s",
        below(d->state, 2) ? "The next report follows in the evening." : "We wish you a pleasant day.");
    join(d, &s, 1, report);
    say(summary, "%s expects %s and up to %d degrees on %s.", place.text, over, high, day);
}

/* ---- a match: who won, the goals, the place ---- */

static void match(const draw *d, phrase *report, phrase *summary) {
    static const char *const openings[] = {"%s and %s met in the final of the cup.",
                                           "%s played against %s in front of a full house.",
                                           "The fans waited for weeks for %s against %s.",
                                           "A cup game brought %s and %s together.",
                                           "It was %s versus %s again.",
                                           "%s received %s for a late game."};
    static const char *const scorers[] = {"%s scored in minute %d.",
                                          "In minute %2$d, %1$s hit the post.",
                                          "%s saw a yellow card in minute %d.",
                                          "%s came into the game in minute %d.",
                                          "A free kick by %s in minute %d was saved.",
                                          "%s had to leave with an injury after %d minutes."};
    static const char *const crowds[] = {"%d thousand people watched the game.",
                                         "The stadium had %d thousand visitors.", "About %d thousand fans came.",
                                         "%d thousand seats were taken."};
    static const char *const wins[] = {"In the end, %s won by %d to %d.",
                                       "%s celebrated a victory by %d to %d.",
                                       "The winner was %s with %d to %d.",
                                       "Finally, %s took the game by %d to %d.",
                                       "%s left the field as the winner by %d to %d.",
                                       "After the final whistle it was %s who had won, %d to %d."};
    static const char *const draws[] = {"Nobody won, and the score was %d to %d.",
                                        "It ended in a draw with %d to %d.",
                                        "The teams shared the points after a %d to %d.",
                                        "Both sides had to live with a %d to %d.",
                                        "The game closed level at %d to %d.",
                                        "No winner was found, for it stayed at %d to %d."};
    sentences s = {.count = 0};
    name home = draw_name(d, true), guest = draw_other(d, true, &home), player = draw_name(d, false);
    int more = number(d, 1, 5), less = number(d, 0, more - 1), outcome = below(d->state, 5);
    say(next_sentence(&s), WAY(d, openings), home.text, guest.text);
    say(next_sentence(&s), WAY(d, scorers), player.text, number(d, 2, 89));
    if (below(d->state, 2)) say(next_sentence(&s), WAY(d, crowds), number(d, 3, 60));
    if (below(d->state, 2))
        say(next_sentence(&s), "%s",
            below(d->state, 2) ? "The referee needed a new whistle." : "It rained during the first half.");
    if (outcome == 0) {
        say(next_sentence(&s), WAY(d, draws), less, less);
        say(summary, "%s and %s drew %d to %d.", home.text, guest.text, less, less);
    } else {
        const char *winner = outcome < 3 ? home.text : guest.text, *loser = outcome < 3 ? guest.text : home.text;
        say(next_sentence(&s), WAY(d, wins), winner, more, less);
        say(summary, "%s beat %s by %d to %d.", winner, loser, more, less);
    }
    join(d, &s, 1, report);
}

/* ---- a meeting: who proposed what, whether it was accepted, and the next date ---- */

static void meeting(const draw *d, phrase *report, phrase *summary) {
    static const char *const groups[] = {"board", "council", "committee", "club", "team", "staff"};
    static const char *const plans[] = {"buy a new printer", "paint the hall",  "hire a gardener",
                                        "raise the fee",     "move the office", "plan a summer party",
                                        "repair the roof",   "close on Sundays"};
    static const char *const openings[] = {"The %s of %s met on %s.",
                                           "On %3$s, the %1$s of %2$s came together.",
                                           "A meeting of the %s of %s took place on %s.",
                                           "The %s of %s held a meeting on %s.",
                                           "The %s of %s sat together on %s.",
                                           "%3$s was the day on which the %1$s of %2$s gathered."};
    static const char *const leads[] = {"%s opened the meeting and welcomed the guests.",
                                        "%s took the minutes.",
                                        "%s reported about the last year.",
                                        "%s read out the agenda.",
                                        "%s was late, as always.",
                                        "%s brought coffee for everybody."};
    static const char *const proposals[] = {
        "%s proposed to %s.", "The idea of %s was to %s.",    "%s suggested that the group should %s.",
        "%s wanted to %s.",   "%s had a plan, namely to %s.", "It was %s who asked them to %s."};
    static const char *const accepted[] = {"The proposal was accepted.",      "A large majority agreed.",
                                           "All members voted in favour.",    "Everybody said yes.",
                                           "The vote was clearly in favour.", "Hardly anybody was against it."};
    static const char *const rejected[] = {"The proposal was rejected.",       "A large majority disagreed.",
                                           "Most members voted against it.",   "Almost everybody said no.",
                                           "The vote was clearly against it.", "Hardly anybody was in favour."};
    static const char *const nexts[] = {"The next meeting is on %s.", "They will meet again on %s.",
                                        "The group continues on %s.", "The date of the next session is %s.",
                                        "Until %s there is a break.", "%s is the date of the following meeting."};
    sentences s = {.count = 0};
    name place = draw_name(d, true), lead = draw_name(d, false), person = draw_other(d, false, &lead);
    const char *group = groups[below(d->state, COUNT(groups))], *plan = plans[below(d->state, COUNT(plans))];
    int day = below(d->state, 7), next = (day + number(d, 1, 6)) % 7;
    bool agreed = below(d->state, 2);
    say(next_sentence(&s), WAY(d, openings), group, place.text, days[day]);
    if (below(d->state, 2)) say(next_sentence(&s), WAY(d, leads), lead.text);
    say(next_sentence(&s), WAY(d, proposals), person.text, plan);
    say(next_sentence(&s), "%s", agreed ? WAY(d, accepted) : WAY(d, rejected));
    if (below(d->state, 2))
        say(next_sentence(&s), "%s",
            below(d->state, 2) ? "The discussion took an hour." : "There were no other topics.");
    say(next_sentence(&s), WAY(d, nexts), days[next]);
    join(d, &s, s.count, report);
    say(summary, "The %s of %s %s to %s and meets again on %s.", group, place.text, agreed ? "decided" : "refused",
        plan, days[next]);
}

/* ---- an order: who bought what, and how it arrived ---- */

static void order(const draw *d, phrase *report, phrase *summary) {
    static const char *const goods[] = {"chairs",   "lamps",   "books",   "plates",
                                        "bicycles", "carpets", "mirrors", "jackets"};
    static const char *const openings[] = {"%s ordered %d %s from a shop in %s.",
                                           "%s bought %d %s in a shop in %s.",
                                           "An order of %2$d %3$s for %1$s reached a shop in %4$s.",
                                           "%s wanted %d %s from a shop in %s.",
                                           "%s asked for %d %s in a shop in %s.",
                                           "For %s, a shop in %4$s packed %2$d %3$s."};
    static const char *const prices[] = {
        "The price was %d euros.",   "The bill came to %d euros.",           "%d euros were paid by card.",
        "In total it was %d euros.", "A card payment of %d euros followed.", "That cost %d euros altogether."};
    static const char *const colours[] = {"The colour was %s.", "Everything had to be %s.", "They came in %s.",
                                          "%s was the colour of choice."};
    static const char *const shades[] = {"red", "green", "blue", "white", "black"};
    static const char *const ends[][6] = {
        {"The parcel arrived on %s.", "Delivery was on %s.", "On %s the parcel was there.", "Everything arrived on %s.",
         "It all came on %s.", "A driver handed them over on %s."},
        {"The parcel was damaged when it came on %s.", "On %s, a damaged parcel arrived.",
         "Delivery on %s ended with a damaged parcel.", "What came on %s was damaged.", "Damaged goods came on %s.",
         "A driver brought a damaged parcel on %s."},
        {"The parcel was lost on %s.", "On %s, the parcel was lost.", "The shop lost the parcel on %s.",
         "It got lost on %s.", "On %s everything was lost on the way.", "The parcel has been lost since %s."}};
    static const char *const results[] = {"arrived", "arrived damaged", "were lost"};
    sentences s = {.count = 0};
    name person = draw_name(d, false), place = draw_name(d, true);
    const char *good = goods[below(d->state, COUNT(goods))], *day = days[below(d->state, 7)];
    int pieces = number(d, 2, 30), end = below(d->state, 3);
    say(next_sentence(&s), WAY(d, openings), person.text, pieces, good, place.text);
    if (below(d->state, 2)) say(next_sentence(&s), WAY(d, prices), number(d, 20, 900));
    if (below(d->state, 2)) say(next_sentence(&s), WAY(d, colours), shades[below(d->state, COUNT(shades))]);
    say(next_sentence(&s), "%s",
        below(d->state, 2) ? "The shop sent a receipt." : "The warehouse had to wait for a driver.");
    for (int i = 1; i < s.count; i++) capitalize(&s.said[i], 0);
    say(next_sentence(&s), ends[end][way(d, 6)], day);
    join(d, &s, s.count, report);
    say(summary, "The %d %s of %s %s on %s.", pieces, good, person.text, results[end], day);
}

/* ---- the files ---- */

static bool write_report(FILE *source, FILE *target, int set, uint64_t *state) {
    static void (*const kinds[])(const draw *, phrase *, phrase *) = {weather, match, meeting, order};
    phrase report = {0}, summary = {0};
    draw d = {state, set};
    kinds[below(state, COUNT(kinds))](&d, &report, &summary);
    fprintf(source, "%s\n", report.text);
    fprintf(target, "%s\n", summary.text);
    return true;
}

/* The set whose reports have phrasings of their own. */
static bool write_unseen(const char *prefix, int count, char **numbers) {
    uint64_t state = mix((count > 0 ? strtoull(numbers[0], NULL, 10) : 1) + UNSEEN);
    FILE *source = create_side("summaries-generate", prefix, "unseen", "src");
    FILE *target = source ? create_side("summaries-generate", prefix, "unseen", "tgt") : NULL;
    bool opened = source && target;
    bool written = opened && write_pairs(write_report, source, target, UNSEEN,
                                         count > 2 ? strtol(numbers[2], NULL, 10) : 500, &state);
    if (source && fclose(source) != 0) written = false;
    if (target && fclose(target) != 0) written = false;
    if (opened && !written) fprintf(stderr, "summaries-generate: cannot write %s.unseen\n", prefix);
    return written;
}

int main(int count, char **arguments) {
    if (count < 2 || count > 5) {
        fprintf(stderr, "usage: summaries-generate PREFIX [SEED [TRAIN [HELD-OUT]]]\n");
        return 2;
    }
    bool written = write_sets("summaries-generate", write_report, arguments[1], count - 2, arguments + 2) &&
                   write_unseen(arguments[1], count - 2, arguments + 2);
    return written ? 0 : 1;
}
