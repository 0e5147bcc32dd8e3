/* The tree of a template, and the scopes of its variables. */
#ifndef HD_TEXT_JINJA_TREE_H
#define HD_TEXT_JINJA_TREE_H

#include "text/jinja/value.h"

/* With the fields that a node of the kind uses. Expressions: */
typedef enum hd_jinja_node_kind {
    HD_JINJA_CONSTANT,  /* value */
    HD_JINJA_VARIABLE,  /* value: its name; hops, slot */
    HD_JINJA_MAKE_LIST, /* list */
    HD_JINJA_MAKE_TUPLE,
    HD_JINJA_MAKE_DICT, /* list of PAIRs */
    HD_JINJA_PAIR,      /* a: the key, b: the value */
    HD_JINJA_CONDITION, /* a if b else c; c may be NULL */
    HD_JINJA_OR,        /* a, b */
    HD_JINJA_AND,
    HD_JINJA_NOT,           /* a */
    HD_JINJA_COMPARISON,    /* a, list of OPERANDs */
    HD_JINJA_OPERAND,       /* operator, a */
    HD_JINJA_ARITHMETIC,    /* operator, a, b */
    HD_JINJA_CONCATENATION, /* list */
    HD_JINJA_MINUS,         /* a */
    HD_JINJA_PLUS,
    HD_JINJA_GET_ATTRIBUTE, /* a, value: the name */
    HD_JINJA_GET_ITEM,      /* a, b */
    HD_JINJA_SLICE,         /* of a from b to c, step `rest`; each may be NULL */
    HD_JINJA_CALL,          /* a: the function; list: arguments and KEYWORDs; b: *b, c: **c */
    HD_JINJA_FILTER,        /* the same with a: the subject, value: the name */
    HD_JINJA_TEST,
    HD_JINJA_KEYWORD,  /* value: the name, a */
    HD_JINJA_CAPTURED, /* the text of the block around a filter */
    /* Targets: a VARIABLE, a MAKE_TUPLE of targets, or */
    HD_JINJA_MEMBER, /* value: the namespace's name, b: a CONSTANT, the attribute; hops, slot */
    /* Statements: */
    HD_JINJA_PRINT,     /* a: an expression, or a CONSTANT that is data */
    HD_JINJA_SET,       /* a: the target, b */
    HD_JINJA_SET_BLOCK, /* a: the target, b: a filter of CAPTURED or NULL, list: the body, scope */
    HD_JINJA_FOR, /* a: the target, b: the sequence, c: the test or NULL, list: the body, rest: of else; flag: recursive;
                           * scope, test_scope, else_scope */
    HD_JINJA_IF,  /* a: the test (NULL: else), list: the body, rest: the next IF of elif or else */
    HD_JINJA_MACRO_BLOCK,  /* value: its name, parameters, list: the body, scope; hops, slot */
    HD_JINJA_PARAMETER,    /* value: its name, a: the default or NULL; slot */
    HD_JINJA_CALL_BLOCK,   /* a: a CALL, b: a MACRO_BLOCK, the caller */
    HD_JINJA_FILTER_BLOCK, /* b: a filter of CAPTURED, list: the body, scope */
    HD_JINJA_WITH,         /* parameters: PAIRs of a target and its value; list: the body, scope */
    HD_JINJA_GENERATION,   /* b: a MACRO_BLOCK, which is called */
    HD_JINJA_BREAK,
    HD_JINJA_CONTINUE,
} hd_jinja_node_kind;

typedef struct hd_jinja_scope hd_jinja_scope;

typedef struct hd_jinja_node {
    uint8_t kind;
    uint8_t operator; /* hd_jinja_operator */
    bool flag;
    bool soft; /* inside a condition: an unknown filter fails when it is used */
    uint16_t depth;
    uint32_t line;
    int32_t hops, slot; /* of a variable: functions outwards, and its place there */
    hd_jinja_value value;
    struct hd_jinja_node *a, *b, *c;
    struct hd_jinja_node *list, *last; /* children in order, by `next` */
    struct hd_jinja_node *parameters;
    struct hd_jinja_node *rest;
    struct hd_jinja_node *next;
    hd_jinja_scope *scope, *test_scope, *else_scope;
} hd_jinja_node;

/* How a variable gets its value when its scope is entered. */
typedef enum hd_jinja_load {
    HD_JINJA_LOAD_PARAMETER, /* the statement sets it */
    HD_JINJA_LOAD_RESOLVE,   /* a variable of the rendering, or a global function */
    HD_JINJA_LOAD_ALIAS,     /* a copy of the variable of an outer scope */
    HD_JINJA_LOAD_UNSET
} hd_jinja_load;

typedef struct hd_jinja_variable {
    hd_jinja_value name;
    uint8_t load;
    bool stored;
    int32_t slot;
    int32_t outer_hops, outer_slot; /* of an alias */
} hd_jinja_variable;

/* The variables of a function live in one array of slots: the template, a macro, or a recursive loop. */
typedef struct hd_jinja_function {
    struct hd_jinja_function *outer;
    int32_t slots;
} hd_jinja_function;

struct hd_jinja_scope {
    hd_jinja_scope *outer;
    hd_jinja_function *function;
    hd_jinja_variable *variables; /* [count] */
    size_t count, capacity;
    int32_t caller, named, rest; /* of a macro: the slots of caller, kwargs and varargs; −1: not used */
};

enum { HD_JINJA_TREE_DEPTH = 600 };

/* A node with these children; NULL after a failure. */
hd_jinja_node *hd_jinja_node_new(hd_jinja *j, hd_jinja_node_kind kind, uint32_t line, hd_jinja_node *a,
                                 hd_jinja_node *b, hd_jinja_node *c);
/* Appends a child to the list of a node. */
void hd_jinja_node_add(hd_jinja *j, hd_jinja_node *node, hd_jinja_node *child);

#endif
