#include "text/jinja/parse.h"

#include <stdio.h>
#include <string.h>

#include "text/jinja/parse_expression.h"

typedef hd_jinja_node node;
typedef hd_jinja_parser parser;

/* The blocks that are open, for messages: their tags, and the tags that would close them. */
typedef struct open_block {
    const char *tag;           /* NULL: the template */
    const char *const *closes; /* ends with NULL */
    const struct open_block *outer;
} open_block;

static bool parse_body(parser *p, const open_block *block, node *into);

static node *make(parser *p, hd_jinja_node_kind kind, uint32_t line, node *a, node *b, node *c) {
    return p->j->failed ? NULL : hd_jinja_node_new(p->j, kind, line, a, b, c);
}

/* ---- messages of unknown and missing tags ---- */

static void append_closes(const open_block *block, char *text, size_t size) {
    size_t at = 0;
    for (const char *const *tag = block->closes; *tag && at < size; tag++)
        at += (size_t)snprintf(text + at, size - at, "%s'%s'", tag == block->closes ? "" : " or ", *tag);
}

static void fail_tag(parser *p, const open_block *block, const hd_jinja_token *token) {
    char text[200] = "", innermost[100] = "", name[64] = "";
    bool closes_outer = false;
    if (block->closes) append_closes(block, text, sizeof text);
    if (token)
        snprintf(name, sizeof name, "%.*s", (int)(token->value.size < 60 ? token->value.size : 60),
                 token->value.as.text);
    for (const open_block *one = block; token && one; one = one->outer)
        for (const char *const *tag = one->closes; tag && *tag; tag++) closes_outer |= strcmp(*tag, name) == 0;
    if (block->tag)
        snprintf(innermost, sizeof innermost, " The innermost block that needs to be closed is '%s'.", block->tag);
    char first[128];
    snprintf(first, sizeof first, token ? "Encountered unknown tag '%s'." : "Unexpected end of template.", name);
    uint32_t line = token ? token->line : p->at->line;
    if (!text[0])
        hd_jinja_parse_fail(p, line, "%s%s", first, innermost);
    else if (closes_outer)
        hd_jinja_parse_fail(
            p, line,
            "%s You probably made a nesting mistake. Jinja is expecting this tag, but currently looking "
            "for %s.%s",
            first, text, innermost);
    else
        hd_jinja_parse_fail(p, line, "%s Jinja was looking for the following tags: %s.%s", first, text, innermost);
}

/* ---- bodies ---- */

/* The body of a statement up to a tag that closes it, which becomes the current token. */
static bool parse_block(parser *p, const char *tag, const char *const *closes, const open_block *outer, node *into) {
    open_block block = {tag, closes, outer};
    hd_jinja_skip_sign(p, ":");
    if (!into || !hd_jinja_expect_kind(p, HD_JINJA_BLOCK_END) || !hd_jinja_parse_enter(p)) return false;
    bool done = parse_body(p, &block, into);
    p->depth--;
    return done && !p->j->failed;
}

/* The same up to one tag, which is skipped. The body is a function of its own if `function`: no loop is around it. */
static bool parse_only(parser *p, const char *tag, const char *close, const open_block *outer, bool function,
                       node *into) {
    const char *const closes[] = {close, NULL};
    int loops = p->loops;
    bool soft = p->soft;
    if (function) p->loops = 0;
    p->soft = false;
    bool done = parse_block(p, tag, closes, outer, into);
    p->loops = loops;
    p->soft = soft;
    if (done) p->at++;
    return done;
}

/* A node whose list is the body of else. */
static node *else_body(parser *p) { return make(p, HD_JINJA_IF, p->at->line, NULL, NULL, NULL); }

/* ---- statements ---- */

static node *parse_if(parser *p, const open_block *outer) {
    static const char *const closes[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif", NULL};
    bool soft = p->soft;
    p->soft = true;
    node *first = make(p, HD_JINJA_IF, p->at->line, NULL, NULL, NULL);
    for (node *it = first; it;) {
        p->at++;
        it->a = hd_jinja_parse_tuple(p, false, NULL);
        if (!it->a || !parse_block(p, "if", closes, outer, it)) return NULL;
        if (hd_jinja_at_word(p, "elif")) {
            it = it->rest = make(p, HD_JINJA_IF, p->at->line, NULL, NULL, NULL);
            continue;
        }
        if (hd_jinja_skip_word(p, "else")) {
            it->rest = else_body(p);
            if (!parse_block(p, "if", last, outer, it->rest)) return NULL;
        }
        p->at++;
        break;
    }
    p->soft = soft;
    return p->j->failed ? NULL : first;
}

/* Whether a variable of this name is stored, or loaded, anywhere in the tree. */
static bool mentions(const node *it, const char *name, bool stored, bool target) {
    if (!it) return false;
    if (it->kind == HD_JINJA_VARIABLE && hd_jinja_is_text(it->value, name)) return target == stored;
    bool targets = it->kind == HD_JINJA_SET || it->kind == HD_JINJA_SET_BLOCK || it->kind == HD_JINJA_FOR;
    if (mentions(it->a, name, stored, targets || (target && it->kind == HD_JINJA_MAKE_TUPLE))) return true;
    if (mentions(it->b, name, stored, false) || mentions(it->c, name, stored, false)) return true;
    for (const node *child = it->list; child; child = child->next)
        if (mentions(child, name, stored, target && it->kind == HD_JINJA_MAKE_TUPLE)) return true;
    for (const node *child = it->parameters; child; child = child->next)
        if (mentions(child->kind == HD_JINJA_PAIR ? child->b : child->a, name, stored, false)) return true;
    for (const node *one = it->rest; one; one = one->rest) {
        if (mentions(one->a, name, stored, false)) return true;
        for (const node *child = one->list; child; child = child->next)
            if (mentions(child, name, stored, false)) return true;
        if (it->kind == HD_JINJA_SLICE) return mentions(one, name, stored, false);
    }
    return false;
}

static node *parse_for(parser *p, const open_block *outer) {
    static const char *const closes[] = {"endfor", "else", NULL}, *const last[] = {"endfor", NULL};
    uint32_t line = (p->at++)->line;
    bool soft = p->soft;
    node *target = hd_jinja_parse_target(p, false, "in");
    if (!target || !hd_jinja_expect_word(p, "in")) return NULL;
    node *sequence = hd_jinja_parse_tuple(p, false, "recursive"), *test = NULL;
    p->soft = false;
    if (sequence && hd_jinja_skip_word(p, "if")) test = hd_jinja_parse_expression(p);
    node *it = make(p, HD_JINJA_FOR, line, target, sequence, test);
    if (!it) return NULL;
    it->flag = hd_jinja_skip_word(p, "recursive");
    p->loops++;
    bool done = parse_block(p, "for", closes, outer, it);
    p->loops--;
    if (!done) return NULL;
    if (hd_jinja_skip_word(p, "else")) {
        it->rest = else_body(p);
        if (!parse_block(p, "for", last, outer, it->rest)) return NULL;
    }
    p->at++;
    p->soft = soft;
    if (mentions(it, "loop", true, false))
        return hd_jinja_parse_fail(p, line, "Can't assign to special loop variable in for-loop target");
    return it;
}

static node *parse_set(parser *p, const open_block *outer) {
    uint32_t line = (p->at++)->line;
    node *target = hd_jinja_parse_target(p, true, NULL);
    if (!target) return NULL;
    if (hd_jinja_skip_sign(p, "=")) {
        node *value = hd_jinja_parse_tuple(p, true, NULL);
        return value ? make(p, HD_JINJA_SET, line, target, value, NULL) : NULL;
    }
    node *captured = make(p, HD_JINJA_CAPTURED, line, NULL, NULL, NULL);
    node *filter = captured ? hd_jinja_parse_filters(p, captured, false) : NULL;
    node *it = filter ? make(p, HD_JINJA_SET_BLOCK, line, target, filter == captured ? NULL : filter, NULL) : NULL;
    return it && parse_only(p, "set", "endset", outer, false, it) ? it : NULL;
}

/* "(a, b=c)" of a macro */
static bool parse_parameters(parser *p, node *macro) {
    bool defaults = false;
    node **end = &macro->parameters;
    if (!hd_jinja_expect_sign(p, "(")) return false;
    while (!p->j->failed && !hd_jinja_at_sign(p, ")")) {
        if (macro->parameters && !hd_jinja_expect_sign(p, ",")) return false;
        hd_jinja_value name = p->at->value;
        uint32_t line = p->at->line;
        if (!hd_jinja_expect_kind(p, HD_JINJA_NAME)) return false;
        static const char *const reserved[] = {"true", "false", "none", "True", "False", "None"};
        for (size_t i = 0; i < HD_COUNT(reserved); i++)
            if (hd_jinja_is_text(name, reserved[i])) return hd_jinja_parse_fail(p, line, "can't assign to 'name'");
        node *value = NULL;
        if (hd_jinja_skip_sign(p, "=")) {
            value = hd_jinja_parse_expression(p);
            defaults = true;
        } else if (defaults) {
            return hd_jinja_parse_fail(p, p->at->line, "non-default argument follows default argument");
        }
        node *parameter = make(p, HD_JINJA_PARAMETER, line, value, NULL, NULL);
        if (!parameter) return false;
        parameter->value = name;
        *end = parameter;
        end = &parameter->next;
    }
    return hd_jinja_expect_sign(p, ")");
}

/* jinja2 wants a default of a parameter named "caller", if the body calls it. */
static bool check_caller(parser *p, const node *macro) {
    for (const node *one = macro->parameters; one; one = one->next)
        if (hd_jinja_is_text(one->value, "caller") && !one->a)
            for (const node *child = macro->list; child; child = child->next)
                if (mentions(child, "caller", false, false))
                    return hd_jinja_parse_fail(
                        p, macro->line,
                        "When defining macros or call blocks the special \"caller\" argument must "
                        "be omitted or be given a default.");
    return true;
}

static node *parse_macro(parser *p, const open_block *outer) {
    node *it = make(p, HD_JINJA_MACRO_BLOCK, (p->at++)->line, NULL, NULL, NULL);
    if (!it) return NULL;
    it->value = p->at->value;
    if (!hd_jinja_expect_kind(p, HD_JINJA_NAME) || !parse_parameters(p, it)) return NULL;
    return parse_only(p, "macro", "endmacro", outer, true, it) && check_caller(p, it) ? it : NULL;
}

static node *parse_call(parser *p, const open_block *outer) {
    uint32_t line = (p->at++)->line;
    node *caller = make(p, HD_JINJA_MACRO_BLOCK, line, NULL, NULL, NULL);
    if (!caller || (hd_jinja_at_sign(p, "(") && !parse_parameters(p, caller))) return NULL;
    node *call = hd_jinja_parse_expression(p);
    if (!call) return NULL;
    if (call->kind != HD_JINJA_CALL) return hd_jinja_parse_fail(p, line, "expected call");
    if (!parse_only(p, "call", "endcall", outer, true, caller) || !check_caller(p, caller)) return NULL;
    return make(p, HD_JINJA_CALL_BLOCK, line, call, caller, NULL);
}

static node *parse_generation(parser *p, const open_block *outer) {
    uint32_t line = (p->at++)->line;
    node *caller = make(p, HD_JINJA_MACRO_BLOCK, line, NULL, NULL, NULL);
    if (!caller || !parse_only(p, "generation", "endgeneration", outer, true, caller)) return NULL;
    return make(p, HD_JINJA_GENERATION, line, NULL, caller, NULL);
}

static node *parse_filter_block(parser *p, const open_block *outer) {
    uint32_t line = (p->at++)->line;
    node *captured = make(p, HD_JINJA_CAPTURED, line, NULL, NULL, NULL);
    node *filter = captured ? hd_jinja_parse_filters(p, captured, true) : NULL;
    node *it = filter ? make(p, HD_JINJA_FILTER_BLOCK, line, NULL, filter, NULL) : NULL;
    return it && parse_only(p, "filter", "endfilter", outer, false, it) ? it : NULL;
}

/* A target of "with" is one name or a tuple in parentheses; a tuple without them would take the next assignment. */
static node *parse_with(parser *p, const open_block *outer) {
    node *it = make(p, HD_JINJA_WITH, (p->at++)->line, NULL, NULL, NULL), **end = it ? &it->parameters : NULL;
    while (it && !p->j->failed && p->at->kind != HD_JINJA_BLOCK_END) {
        if (it->parameters && !hd_jinja_expect_sign(p, ",")) return NULL;
        node *target = hd_jinja_parse_target(p, false, NULL);
        if (!target || !hd_jinja_expect_sign(p, "=")) return NULL;
        node *value = hd_jinja_parse_expression(p);
        if (!value || !(*end = make(p, HD_JINJA_PAIR, target->line, target, value, NULL))) return NULL;
        end = &(*end)->next;
    }
    return it && parse_only(p, "with", "endwith", outer, false, it) ? it : NULL;
}

/* Each expression of "print a, b" becomes a statement. */
static node *parse_print(parser *p, node *into) {
    node *it = NULL;
    p->at++;
    while (!p->j->failed && p->at->kind != HD_JINJA_BLOCK_END) {
        if (it && !hd_jinja_expect_sign(p, ",")) return NULL;
        if (it) hd_jinja_node_add(p->j, into, it);
        node *value = hd_jinja_parse_expression(p);
        it = value ? make(p, HD_JINJA_PRINT, value->line, value, NULL, NULL) : NULL;
        if (!it) return NULL;
    }
    return it ? it : make(p, HD_JINJA_BREAK, 0, NULL, NULL, NULL);
}

static node *parse_jump(parser *p, hd_jinja_node_kind kind, const char *name) {
    uint32_t line = (p->at++)->line;
    if (!p->loops)
        return hd_jinja_parse_fail(p, line, kind == HD_JINJA_BREAK ? "'%s' outside loop" : "'%s' not properly in loop",
                                   name);
    return make(p, kind, line, NULL, NULL, NULL);
}

static node *parse_statement(parser *p, const open_block *outer, node *into) {
    static const char *const absent[] = {"autoescape", "block", "extends", "from", "import", "include"};
    if (p->at->kind != HD_JINJA_NAME) return hd_jinja_parse_fail(p, p->at->line, "tag name expected");
    if (hd_jinja_at_word(p, "if")) return parse_if(p, outer);
    if (hd_jinja_at_word(p, "for")) return parse_for(p, outer);
    if (hd_jinja_at_word(p, "set")) return parse_set(p, outer);
    if (hd_jinja_at_word(p, "macro")) return parse_macro(p, outer);
    if (hd_jinja_at_word(p, "call")) return parse_call(p, outer);
    if (hd_jinja_at_word(p, "filter")) return parse_filter_block(p, outer);
    if (hd_jinja_at_word(p, "with")) return parse_with(p, outer);
    if (hd_jinja_at_word(p, "generation")) return parse_generation(p, outer);
    if (hd_jinja_at_word(p, "print")) return parse_print(p, into);
    if (hd_jinja_at_word(p, "break")) return parse_jump(p, HD_JINJA_BREAK, "break");
    if (hd_jinja_at_word(p, "continue")) return parse_jump(p, HD_JINJA_CONTINUE, "continue");
    for (size_t i = 0; i < HD_COUNT(absent); i++)
        if (hd_jinja_at_word(p, absent[i]))
            return hd_jinja_parse_fail(p, p->at->line, "heed lacks the tag \"%s\"", absent[i]);
    return fail_tag(p, outer, p->at), NULL;
}

static bool is_close(const parser *p, const open_block *block) {
    for (const char *const *tag = block->closes; tag && *tag; tag++)
        if (hd_jinja_at_word(p, *tag)) return true;
    return false;
}

static node *print_of(parser *p, node *value) {
    return value ? make(p, HD_JINJA_PRINT, value->line, value, NULL, NULL) : NULL;
}

/* Statements up to a tag that closes the block, or to the end of the template. */
static bool parse_body(parser *p, const open_block *block, node *into) {
    while (!p->j->failed) {
        const hd_jinja_token *token = p->at;
        node *it = NULL;
        if (token->kind == HD_JINJA_END) {
            if (block->closes) fail_tag(p, block, NULL);
            break;
        }
        p->at++;
        if (token->kind == HD_JINJA_DATA) {
            it = make(p, HD_JINJA_CONSTANT, token->line, NULL, NULL, NULL);
            if (it) it->value = token->value;
            it = print_of(p, it);
        } else if (token->kind == HD_JINJA_VARIABLE_BEGIN) {
            it = print_of(p, hd_jinja_parse_tuple(p, true, NULL));
            if (!hd_jinja_expect_kind(p, HD_JINJA_VARIABLE_END)) return false;
        } else {
            if (is_close(p, block)) return true;
            it = parse_statement(p, block, into);
            if (!hd_jinja_expect_kind(p, HD_JINJA_BLOCK_END)) return false;
            if (it && it->kind == HD_JINJA_BREAK && !it->line) continue; /* an empty print */
        }
        hd_jinja_node_add(p->j, into, it);
    }
    return !p->j->failed;
}

hd_jinja_node *hd_jinja_parse(hd_jinja *j, const char *text, size_t size) {
    size_t count;
    const open_block root = {0};
    parser p = {.j = j, .at = hd_jinja_lex(j, text, size, &count)};
    node *template = p.at ? make(&p, HD_JINJA_IF, 1, NULL, NULL, NULL) : NULL;
    return template && parse_body(&p, &root, template) ? template : NULL;
}
