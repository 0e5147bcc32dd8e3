/* The values of a Jinja template while it is rendered, as in Python: what jinja2 3.1 computes, with transformers' sandbox.
 *
 * All memory of a rendering is one arena. Failure is sticky: a function that fails records the reason, and all further calls
 * return HD_JINJA_MISSING at once. Callers check `failed` before they use what they got as another kind. */
#ifndef HD_TEXT_JINJA_VALUE_H
#define HD_TEXT_JINJA_VALUE_H

#include <time.h>

#include "base/arena.h"
#include "base/buffer.h"

typedef enum hd_jinja_kind {
    HD_JINJA_MISSING,   /* no value: an argument that was not given, a variable that is not set, a failure */
    HD_JINJA_UNDEFINED, /* jinja2's Undefined */
    HD_JINJA_NONE,
    HD_JINJA_BOOL,
    HD_JINJA_INT,
    HD_JINJA_FLOAT,
    HD_JINJA_STRING,
    HD_JINJA_LIST,
    HD_JINJA_TUPLE,
    HD_JINJA_RANGE,
    HD_JINJA_DICT,
    HD_JINJA_VIEW,      /* keys, values or items of a dict */
    HD_JINJA_ITERATOR,  /* a generator: it can be read once, and has no length */
    HD_JINJA_NAMESPACE, /* the only value that changes */
    HD_JINJA_MACRO,
    HD_JINJA_FUNCTION, /* a global function */
    HD_JINJA_METHOD,   /* a method with its object */
    HD_JINJA_LOOP,
    HD_JINJA_CYCLER,
    HD_JINJA_JOINER
} hd_jinja_kind;

typedef struct hd_jinja_value {
    uint8_t kind;  /* hd_jinja_kind */
    bool markup;   /* of a string: jinja2's Markup, which escapes what is added to it; of a tuple: a group of groupby */
    uint32_t size; /* of a string, in bytes */
    union {
        bool truth;
        int64_t integer;
        double real;
        const char *text; /* [size], UTF-8 */
        struct hd_jinja_list *list;
        struct hd_jinja_range *range;
        struct hd_jinja_dict *dict; /* also of a namespace */
        struct hd_jinja_view *view;
        struct hd_jinja_iterator *iterator;
        struct hd_jinja_undefined *undefined;
        struct hd_jinja_method *method;
        void *other; /* what the evaluator knows: a macro, a loop */
    } as;
} hd_jinja_value;

typedef struct hd_jinja_list {
    size_t count;
    hd_jinja_value *items; /* [count] */
} hd_jinja_list;

typedef struct hd_jinja_range {
    int64_t start, stop, step;
    size_t count;
} hd_jinja_range;

/* Keys in the order of insertion. */
typedef struct hd_jinja_dict {
    size_t count, capacity;
    hd_jinja_value *keys, *values; /* [count] */
    uint32_t *table;               /* [mask + 1]: 1 + index, or 0; NULL for a small dict */
    size_t mask;
} hd_jinja_dict;

typedef enum hd_jinja_view_kind { HD_JINJA_KEYS, HD_JINJA_VALUES, HD_JINJA_ITEMS } hd_jinja_view_kind;

typedef struct hd_jinja_view {
    const hd_jinja_dict *dict;
    hd_jinja_view_kind kind;
} hd_jinja_view;

typedef struct hd_jinja_iterator {
    hd_jinja_value source; /* any sequence */
    size_t position;
    const char *name;  /* its type in Python, for messages */
    const char *error; /* what reading past the source fails with; NULL: it ends */
} hd_jinja_iterator;

typedef struct hd_jinja_undefined {
    const char *hint;      /* NULL: the message is made of the object and the name */
    bool unsafe;           /* what the sandbox forbids */
    hd_jinja_value object; /* MISSING: a variable */
    hd_jinja_value name;
} hd_jinja_undefined;

typedef struct hd_jinja_method {
    hd_jinja_value self;
    int number; /* in the table of methods.c */
} hd_jinja_method;

typedef struct hd_jinja hd_jinja;

/* The arguments of a call. */
typedef struct hd_jinja_arguments {
    hd_jinja_value *items; /* [count] */
    size_t count;
    hd_jinja_value *keys, *values; /* [named]: strings, and what they name */
    size_t named;
} hd_jinja_arguments;

typedef hd_jinja_value hd_jinja_filter_call(hd_jinja *j, hd_jinja_value name, hd_jinja_value subject,
                                            const hd_jinja_arguments *arguments);

/* A rendering. */
struct hd_jinja {
    heed_context *context;
    hd_arena arena;
    char *chunk; /* of the arena, for small blocks */
    size_t left;
    size_t allocated; /* bytes */
    int64_t steps;
    int depth;
    uint32_t line; /* of the template, of what is evaluated */
    bool failed;
    bool limited; /* by a limit of heed, or by memory */
    heed_status status;
    const char *message; /* of the failure; NULL: out of memory */
    struct tm now;       /* what strftime_now prints, and the microseconds */
    long microseconds;
    hd_buffer *out;                                /* what is printed goes here */
    hd_jinja_value captured;                       /* the text of a block, for its filter */
    hd_jinja_filter_call *call_filter, *call_test; /* by a name that the template computes */
    hd_jinja_value variables;                      /* those that the rendering was given: a dict */
    /* Of a macro, a loop or another object of the evaluator: what repr() prints; an attribute, MISSING if it has none of that
     * name; and a call. */
    void (*print_object)(hd_jinja *j, hd_jinja_value object, hd_buffer *out);
    hd_jinja_value (*object_attribute)(hd_jinja *j, hd_jinja_value object, hd_jinja_value name);
    hd_jinja_value (*call_object)(hd_jinja *j, hd_jinja_value object, const hd_jinja_arguments *arguments);
    /* The number of a method, −1 if there is none, −2 if it would change its object. */
    int (*find_method)(hd_jinja_value self, hd_jinja_value name);
};

enum {
    HD_JINJA_STEPS = 20000000,    /* of one rendering */
    HD_JINJA_DEPTH = 1500,        /* of calls, and of values in values */
    HD_JINJA_BYTES = 256 << 20,   /* of memory */
    HD_JINJA_OUTPUT = 64 << 20,   /* bytes of the text */
    HD_JINJA_RANGE_LIMIT = 100000 /* as in jinja2's sandbox */
};

/* ---- memory and failure ---- */

/* Uninitialised memory, aligned for any value; NULL after a failure. */
void *hd_jinja_alloc(hd_jinja *j, size_t count, size_t size);
/* Records the first failure, and returns MISSING. */
hd_jinja_value hd_jinja_fail(hd_jinja *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The message is text[size], as a template's raise_exception gives it. */
hd_jinja_value hd_jinja_fail_text(hd_jinja *j, const char *text, size_t size);
hd_jinja_value hd_jinja_fail_status(hd_jinja *j, heed_status status);
/* Counts work against the limit of steps; false after a failure. */
bool hd_jinja_step(hd_jinja *j, size_t steps);
/* Takes back a failure that is no limit, and returns its message; NULL if there is none. */
const char *hd_jinja_recover(hd_jinja *j);
/* Enters one more level; false, with a failure, past the limit. Each true is followed by hd_jinja_leave. */
bool hd_jinja_enter(hd_jinja *j);
static inline void hd_jinja_leave(hd_jinja *j) { j->depth--; }

/* ---- making values ---- */

static inline hd_jinja_value hd_jinja_missing(void) { return (hd_jinja_value){0}; }
static inline hd_jinja_value hd_jinja_none(void) { return (hd_jinja_value){.kind = HD_JINJA_NONE}; }
static inline hd_jinja_value hd_jinja_bool(bool truth) {
    return (hd_jinja_value){.kind = HD_JINJA_BOOL, .as.integer = truth};
}
static inline hd_jinja_value hd_jinja_int(int64_t number) {
    return (hd_jinja_value){.kind = HD_JINJA_INT, .as.integer = number};
}
static inline hd_jinja_value hd_jinja_float(double number) {
    return (hd_jinja_value){.kind = HD_JINJA_FLOAT, .as.real = number};
}
/* A string whose bytes live as long as the rendering; hd_jinja_copy copies them. */
hd_jinja_value hd_jinja_text(hd_jinja *j, const char *text, size_t size);
hd_jinja_value hd_jinja_copy(hd_jinja *j, const char *text, size_t size);
/* The contents of a buffer, which is closed. */
hd_jinja_value hd_jinja_take(hd_jinja *j, hd_buffer *buffer);
#define HD_JINJA_LITERAL(j, text) hd_jinja_text(j, text, sizeof(text) - 1)

/* A list or a tuple of `count` items that are MISSING. */
hd_jinja_value hd_jinja_sequence(hd_jinja *j, hd_jinja_kind kind, size_t count);
hd_jinja_value hd_jinja_pair(hd_jinja *j, hd_jinja_value first, hd_jinja_value second); /* a tuple */
hd_jinja_value hd_jinja_dict_open(hd_jinja *j, size_t capacity);
/* Sets a key; the first of equal keys stays. A failure for a key that Python cannot hash. */
void hd_jinja_dict_set(hd_jinja *j, hd_jinja_dict *dict, hd_jinja_value key, hd_jinja_value value);
/* The value of a key; NULL if there is none, or if it cannot be hashed. */
hd_jinja_value *hd_jinja_dict_get(const hd_jinja_dict *dict, hd_jinja_value key);
hd_jinja_value hd_jinja_view_of(hd_jinja *j, hd_jinja_value dict, hd_jinja_view_kind kind);
hd_jinja_value hd_jinja_iterator_of(hd_jinja *j, hd_jinja_value source, const char *name);
/* An undefined variable, element, or one with a message of its own. */
hd_jinja_value hd_jinja_undefined_of(hd_jinja *j, const char *hint, hd_jinja_value object, hd_jinja_value name);
hd_jinja_value hd_jinja_unsafe(hd_jinja *j, hd_jinja_value object, hd_jinja_value name);

/* ---- properties ---- */

static inline bool hd_jinja_is_number(hd_jinja_value v) { /* also a bool, which is 0 or 1 */
    return v.kind == HD_JINJA_INT || v.kind == HD_JINJA_BOOL || v.kind == HD_JINJA_FLOAT;
}
static inline bool hd_jinja_is_whole(hd_jinja_value v) { return v.kind == HD_JINJA_INT || v.kind == HD_JINJA_BOOL; }
static inline double hd_jinja_real(hd_jinja_value v) { /* of a number */
    return v.kind == HD_JINJA_FLOAT ? v.as.real : (double)v.as.integer;
}
/* The name of its type in Python, "str". */
const char *hd_jinja_type(hd_jinja_value v);
/* The module of its type, "markupsafe.", as jinja2 names it in messages; "" for Python's own. */
const char *hd_jinja_module(hd_jinja_value v);
bool hd_jinja_truth(hd_jinja_value v);
bool hd_jinja_equal(hd_jinja *j, hd_jinja_value a, hd_jinja_value b);
bool hd_jinja_is_text(hd_jinja_value v, const char *text);
/* −1, 0 or 1 of two numbers, two strings, or two lists or tuples; a failure for others, with the operator as in Python. */
int hd_jinja_compare(hd_jinja *j, hd_jinja_value a, hd_jinja_value b, const char *operator);
bool hd_jinja_hashable(hd_jinja_value v);

/* ---- sequences ---- */

bool hd_jinja_is_iterable(hd_jinja_value v);
/* The number of items, or of characters, of what has a length in Python; false if it has none. */
bool hd_jinja_length(hd_jinja_value v, size_t *length);
/* Item `index` of what was opened: a list, a tuple, a range, the keys of a dict, a view. */
hd_jinja_value hd_jinja_at(hd_jinja *j, hd_jinja_value v, size_t index);
/* A list, tuple, range, dict or view with the items of anything that Python iterates over: a string becomes a list of its
 * characters, and an iterator is used up. A failure for anything else. *count is the number of items. */
hd_jinja_value hd_jinja_open(hd_jinja *j, hd_jinja_value v, size_t *count);
/* The same as a new list. */
hd_jinja_value hd_jinja_to_list(hd_jinja *j, hd_jinja_value v);

#endif
