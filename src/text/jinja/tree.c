#include "text/jinja/tree.h"

#include <string.h>

static void deepen(hd_jinja *j, hd_jinja_node *node, const hd_jinja_node *child) {
    if (child && child->depth >= node->depth) node->depth = (uint16_t)(child->depth + 1);
    if (node->depth > HD_JINJA_TREE_DEPTH)
        hd_jinja_fail(j, "the template nests more than %d levels", HD_JINJA_TREE_DEPTH);
}

hd_jinja_node *hd_jinja_node_new(hd_jinja *j, hd_jinja_node_kind kind, uint32_t line, hd_jinja_node *a,
                                 hd_jinja_node *b, hd_jinja_node *c) {
    hd_jinja_node *node = hd_jinja_alloc(j, 1, sizeof *node);
    if (!node) return NULL;
    memset(node, 0, sizeof *node);
    node->kind = (uint8_t)kind;
    node->line = line;
    node->a = a, node->b = b, node->c = c;
    node->slot = -1;
    deepen(j, node, a);
    deepen(j, node, b);
    deepen(j, node, c);
    return node;
}

void hd_jinja_node_add(hd_jinja *j, hd_jinja_node *node, hd_jinja_node *child) {
    if (!node || !child) return;
    if (node->last)
        node->last->next = child;
    else
        node->list = child;
    node->last = child;
    deepen(j, node, child);
}
