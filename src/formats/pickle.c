#include "formats/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "formats/torch_names.h"

/* The state dict of a model has some 200 bytes and five containers per tensor. The limits keep a pickle that is
 * made to fill the memory below some two GiB. */
enum {
    LARGEST_PICKLE = 64 << 20, /* bytes */
    MOST_VALUES = 1 << 20,     /* on the stack */
    MOST_CONTAINERS = 1 << 22,
    MOST_MEMORIZED = 1 << 23,
    MOST_TENSORS = 1 << 20, /* and storages */
    LONGEST_LINE = 256,
    SHOWN_NAME = 100
};

typedef enum value_kind {
    NOTHING, /* None, booleans, and all else that describes no tensor */
    MARK,
    INTEGER,
    TEXT,
    TUPLE, /* a container */
    LIST,
    DICT, /* its items are keys and values in turn */
    NAME,
    STORAGE,
    TENSOR
} value_kind;

typedef struct value {
    uint32_t kind, size; /* of a text: bytes */
    union {
        int64_t integer;
        const char *text;
        size_t index; /* of a container, name, storage or tensor */
    };
} value;

/* The items of a tuple, list or dict. */
typedef struct container {
    value *items; /* [count] */
    size_t count, capacity;
} container;

struct hd_pickle {
    heed_context *context;
    char *path;
    const uint8_t *start, *at, *end;
    bool stopped;
    value *stack; /* [depth] */
    size_t depth, stack_capacity;
    value *memo; /* [memorized] */
    size_t memorized, memo_capacity;
    container *containers;
    size_t container_count, container_capacity;
    size_t items; /* of all containers */
    hd_torch_name *names;
    size_t name_count, name_capacity;
    hd_pickled_storage *storages;
    size_t storage_count, storage_capacity;
    hd_pickled_tensor *tensors;
    size_t tensor_count, tensor_capacity;
    hd_pickled_tensor *named; /* those of the state dict */
    char *name_bytes;
};

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* HEED_FORMAT at the current byte. */
static heed_status invalid(const hd_pickle *p, const char *what) {
    return hd_fail(p->context, HEED_FORMAT, "%s: byte %zu of the pickle: %s", p->path, (size_t)(p->at - p->start),
                   what);
}

static heed_status refuse_name(const hd_pickle *p, hd_pickled_text module, hd_pickled_text name) {
    return hd_fail(p->context, HEED_UNSUPPORTED,
                   "%s: the pickle loads %.*s.%.*s, which heed refuses: it loads tensors alone", p->path,
                   (int)hd_min((int64_t)module.size, SHOWN_NAME), module.bytes,
                   (int)hd_min((int64_t)name.size, SHOWN_NAME), name.bytes);
}

/* ---- bytes -------------------------------------------------------------------------------------------------------- */

static heed_status take(hd_pickle *p, size_t size, const uint8_t **bytes) {
    *bytes = p->at;
    if ((size_t)(p->end - p->at) < size) return invalid(p, "the pickle is cut short");
    p->at += size;
    return HEED_OK;
}

/* An unsigned number of `size` bytes, little-endian. */
static heed_status take_number(hd_pickle *p, size_t size, uint64_t *number) {
    const uint8_t *bytes;
    *number = 0;
    HD_TRY(take(p, size, &bytes));
    while (size-- > 0) *number = *number << 8 | bytes[size];
    return HEED_OK;
}

static heed_status take_line(hd_pickle *p, hd_pickled_text *line) {
    size_t left = (size_t)(p->end - p->at);
    const uint8_t *end = memchr(p->at, '\n', left < LONGEST_LINE ? left : LONGEST_LINE);
    *line = (hd_pickled_text){0};
    if (!end) return invalid(p, "a line does not end");
    *line = (hd_pickled_text){(const char *)p->at, (size_t)(end - p->at)};
    p->at = end + 1;
    return HEED_OK;
}

/* ---- the stack ---------------------------------------------------------------------------------------------------- */

static heed_status push(hd_pickle *p, value v) {
    if (p->depth >= MOST_VALUES) return invalid(p, "too many values on the stack");
    if (!hd_grow(p->context, &p->stack, &p->stack_capacity, p->depth + 1, sizeof *p->stack)) return HEED_MEMORY;
    p->stack[p->depth++] = v;
    return HEED_OK;
}

static heed_status push_text(hd_pickle *p, hd_pickled_text text) {
    return push(p, (value){.kind = TEXT, .size = (uint32_t)text.size, .text = text.bytes});
}

static heed_status push_index(hd_pickle *p, value_kind kind, size_t index) {
    return push(p, (value){.kind = kind, .index = index});
}

/* The value at the top, which is not a mark. */
static heed_status top(hd_pickle *p, value **v) {
    *v = p->stack + p->depth - (p->depth > 0);
    return p->depth == 0 || (*v)->kind == MARK ? invalid(p, "the stack has no value") : HEED_OK;
}

static heed_status pop(hd_pickle *p, value *v) {
    value *at;
    *v = (value){0};
    HD_TRY(top(p, &at));
    *v = *at;
    p->depth--;
    return HEED_OK;
}

/* The values above the last mark, which are popped with it; valid until the next push. */
static heed_status pop_to_mark(hd_pickle *p, const value **values, size_t *count) {
    size_t at = p->depth;
    while (at > 0 && p->stack[at - 1].kind != MARK) at--;
    *values = p->stack + at;
    *count = p->depth - at;
    if (at == 0) return invalid(p, "the stack has no mark");
    p->depth = at - 1;
    return HEED_OK;
}

/* ---- containers --------------------------------------------------------------------------------------------------- */

/* A container with room for `count` items. */
static heed_status new_container(hd_pickle *p, size_t count, size_t *index) {
    if (p->container_count >= MOST_CONTAINERS) return invalid(p, "too many tuples, lists and dicts");
    if (!hd_grow(p->context, &p->containers, &p->container_capacity, p->container_count + 1, sizeof *p->containers))
        return HEED_MEMORY;
    container *c = &p->containers[p->container_count];
    *c = (container){.capacity = count};
    if (count && !(c->items = hd_alloc(p->context, count, sizeof *c->items))) return HEED_MEMORY;
    *index = p->container_count++;
    return HEED_OK;
}

/* Each item takes a byte or more of a pickle that is not made to fill the memory. */
static heed_status add_items(hd_pickle *p, size_t index, const value *items, size_t count) {
    container *c = &p->containers[index];
    p->items += count;
    if (p->items > (size_t)(p->at - p->start)) return invalid(p, "more items than bytes");
    if (!hd_grow(p->context, &c->items, &c->capacity, c->count + count, sizeof *c->items)) return HEED_MEMORY;
    if (count) memcpy(c->items + c->count, items, count * sizeof *items);
    c->count += count;
    return HEED_OK;
}

static heed_status push_container(hd_pickle *p, value_kind kind, const value *items, size_t count) {
    size_t index = 0;
    HD_TRY(new_container(p, count, &index));
    HD_TRY(add_items(p, index, items, count));
    return push_index(p, kind, index);
}

/* The items of a tuple or list; none of another value. */
static const container *sequence(const hd_pickle *p, const value *v) {
    static const container none = {0};
    return v->kind == TUPLE || v->kind == LIST ? &p->containers[v->index] : &none;
}

/* ---- storages and tensors ----------------------------------------------------------------------------------------- */

static hd_pickled_text text_of(const value *v) { return (hd_pickled_text){v->text, v->size}; }

/* ("storage", class, key, location, elements), and in files before PyTorch 0.4 also None or (key, first element, elements)
 * of a view. */
static heed_status read_storage(hd_pickle *p, const container *id, hd_pickled_storage *storage) {
    const value *v = id->items;
    if (id->count < 5 || v[0].kind != TEXT || v[0].size != 7 || memcmp(v[0].text, "storage", 7) != 0 ||
        v[1].kind != NAME || p->names[v[1].index].role != HD_TORCH_STORAGE_CLASS || v[2].kind != TEXT ||
        v[4].kind != INTEGER || v[4].integer < 0)
        return invalid(p, "a persistent id is not that of a storage");
    *storage = (hd_pickled_storage){.key = text_of(&v[2]), .type = p->names[v[1].index].type, .count = v[4].integer};
    storage->root = storage->key;
    storage->root_count = storage->count;
    if (id->count < 6 || v[5].kind == NOTHING) return HEED_OK;
    const container *view = sequence(p, &v[5]);
    if (view->count != 3 || view->items[0].kind != TEXT || view->items[1].kind != INTEGER ||
        view->items[2].kind != INTEGER || view->items[1].integer < 0 || view->items[2].integer < 0)
        return invalid(p, "the view of a storage is invalid");
    storage->key = text_of(&view->items[0]);
    storage->first = view->items[1].integer;
    if (storage->first > storage->count || view->items[2].integer > storage->count - storage->first)
        return invalid(p, "the view of a storage is larger than the storage");
    storage->count = view->items[2].integer;
    return HEED_OK;
}

static heed_status load_persistent(hd_pickle *p, int argument) {
    (void)argument;
    value id;
    HD_TRY(pop(p, &id));
    if (p->storage_count >= MOST_TENSORS) return invalid(p, "too many storages");
    if (!hd_grow(p->context, &p->storages, &p->storage_capacity, p->storage_count + 1, sizeof *p->storages))
        return HEED_MEMORY;
    HD_TRY(read_storage(p, sequence(p, &id), &p->storages[p->storage_count]));
    return push_index(p, STORAGE, p->storage_count++);
}

static heed_status read_numbers(hd_pickle *p, const value *v, int64_t *numbers, int *count) {
    const container *c = sequence(p, v);
    if (v->kind != TUPLE && v->kind != LIST) return invalid(p, "a shape is not a tuple");
    if (c->count > HD_STORED_DIMENSIONS)
        return hd_fail(p->context, HEED_UNSUPPORTED,
                       "%s: byte %zu of the pickle: a tensor has %zu dimensions, heed reads up to %d", p->path,
                       (size_t)(p->at - p->start), c->count, HD_STORED_DIMENSIONS);
    for (size_t i = 0; i < c->count; i++) {
        if (c->items[i].kind != INTEGER || c->items[i].integer < 0)
            return invalid(p, "a shape or stride is not a number of at least 0");
        numbers[i] = c->items[i].integer;
    }
    *count = (int)c->count;
    return HEED_OK;
}

/* The byte behind the last that the tensor reads of its storage; false if it is beyond what can be counted. */
static bool end_of(const hd_pickled_tensor *t, uint64_t *end) {
    uint64_t last = (uint64_t)t->offset, step;
    for (int i = 0; i < t->dimensions; i++)
        if (__builtin_mul_overflow((uint64_t)t->shape[i] - 1, (uint64_t)t->stride[i], &step) ||
            __builtin_add_overflow(last, step, &last))
            return false;
    return !__builtin_add_overflow(last, 1, &last) && !__builtin_mul_overflow(last, t->type->size, end);
}

static heed_status check_tensor(hd_pickle *p, hd_pickled_tensor *t) {
    const hd_pickled_storage *storage = &p->storages[t->storage];
    uint64_t end = 0, size;
    t->count = 1;
    for (int i = 0; i < t->dimensions; i++) {
        if (!hd_multiply(t->count, (size_t)t->shape[i], &t->count)) return invalid(p, "a tensor is too large");
        if (t->shape[i] == 1) t->stride[i] = 0; /* whatever it says, it is not used */
    }
    if (__builtin_mul_overflow((uint64_t)storage->count, storage->type->size, &size) ||
        (t->count && (!end_of(t, &end) || end > size)))
        return invalid(p, "a tensor is larger than its storage");
    size_t bytes;
    return hd_multiply(t->count, t->type->size, &bytes) ? HEED_OK : invalid(p, "a tensor is too large");
}

/* Arguments (storage, offset, shape, stride, requires_grad, hooks); then of a typed tensor its dtype, then perhaps a dict of
 * what changes its numbers, such as a conjugation. */
static heed_status rebuild_tensor(hd_pickle *p, bool typed, const container *args) {
    const value *v = args->items;
    if (args->count < (typed ? 7 : 4) || v[0].kind != STORAGE || v[1].kind != INTEGER || v[1].integer < 0)
        return invalid(p, "a tensor is not made of a storage and an offset");
    hd_pickled_tensor t = {.storage = v[0].index, .offset = v[1].integer};
    t.type = p->storages[t.storage].type;
    if (typed) {
        if (v[6].kind != NAME || p->names[v[6].index].role != HD_TORCH_DTYPE)
            return invalid(p, "the type of a tensor is not a dtype");
        t.type = p->names[v[6].index].type;
    }
    int strides = 0;
    HD_TRY(read_numbers(p, &v[2], t.shape, &t.dimensions));
    HD_TRY(read_numbers(p, &v[3], t.stride, &strides));
    if (strides != t.dimensions) return invalid(p, "a tensor has more or fewer strides than dimensions");
    HD_TRY(check_tensor(p, &t));
    size_t metadata = typed ? 7 : 6;
    t.unread = t.type->unread;
    if (args->count > metadata && v[metadata].kind == DICT && p->containers[v[metadata].index].count)
        t.unread = "a view that changes numbers";
    if (p->tensor_count >= MOST_TENSORS) return invalid(p, "too many tensors");
    if (!hd_grow(p->context, &p->tensors, &p->tensor_capacity, p->tensor_count + 1, sizeof t)) return HEED_MEMORY;
    p->tensors[p->tensor_count] = t;
    return push_index(p, TENSOR, p->tensor_count++);
}

/* ---- names and calls ---------------------------------------------------------------------------------------------- */

static heed_status push_name(hd_pickle *p, hd_pickled_text module, hd_pickled_text name) {
    hd_torch_name found;
    if (!hd_torch_name_find(module, name, &found)) return refuse_name(p, module, name);
    size_t index = 0;
    while (index < p->name_count && (p->names[index].role != found.role || p->names[index].type != found.type)) index++;
    if (index == p->name_count) {
        if (!hd_grow(p->context, &p->names, &p->name_capacity, index + 1, sizeof found)) return HEED_MEMORY;
        p->names[p->name_count++] = found;
    }
    return push_index(p, NAME, index);
}

/* A dict of the pairs in the first argument. */
static heed_status make_dict(hd_pickle *p, const container *args) {
    size_t index = 0;
    HD_TRY(new_container(p, 0, &index));
    const container *pairs = args->count ? sequence(p, &args->items[0]) : sequence(p, &(value){0});
    for (size_t i = 0; i < pairs->count; i++) {
        const container *pair = sequence(p, &pairs->items[i]);
        if (pair->count != 2) return invalid(p, "a dict is not made of pairs");
        HD_TRY(add_items(p, index, pair->items, 2));
    }
    return push_index(p, DICT, index);
}

/* The arguments are a copy: the call may move the containers, but not their items. */
static heed_status call(hd_pickle *p, hd_torch_role role, container args);

/* (name, type, arguments, state). The name is not of this kind, so calls do not nest further. */
static heed_status rebuild_subclass(hd_pickle *p, const container *args) {
    const value *v = args->items;
    if (args->count < 3 || v[0].kind != NAME || v[2].kind != TUPLE) return invalid(p, "a tensor is made of no call");
    hd_torch_role role = p->names[v[0].index].role;
    if (role == HD_TORCH_SUBCLASS) return invalid(p, "calls that rebuild a tensor are nested");
    return call(p, role, *sequence(p, &v[2]));
}

static heed_status call(hd_pickle *p, hd_torch_role role, container args) {
    switch (role) {
        case HD_TORCH_DICT:
            return make_dict(p, &args);
        case HD_TORCH_SIZE:
            if (args.count != 1 || args.items[0].kind != TUPLE) return invalid(p, "a size is not a tuple");
            return push(p, args.items[0]);
        case HD_TORCH_TENSOR:
        case HD_TORCH_TYPED_TENSOR:
            return rebuild_tensor(p, role == HD_TORCH_TYPED_TENSOR, &args);
        case HD_TORCH_PARAMETER:
            if (!args.count || args.items[0].kind != TENSOR) return invalid(p, "a parameter is not a tensor");
            return push(p, args.items[0]);
        case HD_TORCH_SUBCLASS:
            return rebuild_subclass(p, &args);
        case HD_TORCH_STORAGE_CLASS:
        case HD_TORCH_DTYPE:
            return invalid(p, "a type is called");
        case HD_TORCH_OTHER:
            return push(p, (value){.kind = NOTHING});
    }
    return HEED_OK;
}

/* name, arguments → result */
static heed_status reduce(hd_pickle *p, int argument) {
    (void)argument;
    value args, name;
    HD_TRY(pop(p, &args));
    HD_TRY(pop(p, &name));
    if (name.kind != NAME || args.kind != TUPLE) return invalid(p, "what is called is not a name with a tuple");
    return call(p, p->names[name.index].role, *sequence(p, &args));
}

/* The state of an object describes no tensor of a state dict. */
static heed_status build(hd_pickle *p, int argument) {
    (void)argument;
    value state, *object;
    HD_TRY(pop(p, &state));
    return top(p, &object);
}

static heed_status load_global(hd_pickle *p, int argument) {
    hd_pickled_text module, name;
    HD_TRY(take_line(p, &module));
    HD_TRY(take_line(p, &name));
    HD_TRY(push_name(p, module, name));
    return argument ? invalid(p, "an object is made in the way of protocol 0") : HEED_OK;
}

static heed_status load_stacked_global(hd_pickle *p, int argument) {
    (void)argument;
    value module, name;
    HD_TRY(pop(p, &name));
    HD_TRY(pop(p, &module));
    if (module.kind != TEXT || name.kind != TEXT) return invalid(p, "a name is not a text");
    return push_name(p, text_of(&module), text_of(&name));
}

/* ---- constants ---------------------------------------------------------------------------------------------------- */

static heed_status load_nothing(hd_pickle *p, int bytes) {
    const uint8_t *skipped;
    HD_TRY(take(p, (size_t)bytes, &skipped));
    return push(p, (value){.kind = NOTHING});
}

/* `bytes` is negative for a signed number. */
static heed_status load_integer(hd_pickle *p, int bytes) {
    uint64_t number;
    HD_TRY(take_number(p, (size_t)abs(bytes), &number));
    int64_t integer = bytes < 0 ? (int32_t)(uint32_t)number : (int64_t)number;
    return push(p, (value){.kind = INTEGER, .integer = integer});
}

/* Two's complement, little-endian; longer than 8 bytes, it describes no tensor. */
static heed_status load_long(hd_pickle *p, int bytes) {
    uint64_t size, number = 0;
    const uint8_t *digits;
    HD_TRY(take_number(p, (size_t)bytes, &size));
    HD_TRY(take(p, (size_t)size, &digits));
    if (size > sizeof number) return push(p, (value){.kind = NOTHING});
    for (size_t i = (size_t)size; i-- > 0;) number = number << 8 | digits[i];
    if (size && size < sizeof number && digits[size - 1] & 0x80u) number |= ~UINT64_C(0) << 8 * size;
    return push(p, (value){.kind = INTEGER, .integer = (int64_t)number});
}

static heed_status load_text(hd_pickle *p, int bytes) {
    uint64_t size;
    const uint8_t *text;
    HD_TRY(take_number(p, (size_t)bytes, &size));
    HD_TRY(take(p, (size_t)size, &text));
    return push_text(p, (hd_pickled_text){(const char *)text, (size_t)size});
}

/* A number or text of protocol 0, on a line. */
static heed_status load_line(hd_pickle *p, int kind) {
    hd_pickled_text line;
    HD_TRY(take_line(p, &line));
    if (kind == 'S' && line.size >= 2) line.bytes++, line.size -= 2; /* quotes */
    if (kind == 'S' || kind == 'V') return push_text(p, line);
    int64_t integer = 0;
    bool negative = line.size && line.bytes[0] == '-';
    for (size_t i = negative; i < line.size && line.bytes[i] != 'L'; i++) {
        unsigned digit = (unsigned)(unsigned char)line.bytes[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(integer, 10, &integer) ||
            __builtin_add_overflow(integer, (int64_t)digit, &integer))
            return push(p, (value){.kind = NOTHING}); /* a float, or too large */
    }
    return push(p, (value){.kind = INTEGER, .integer = negative ? -integer : integer});
}

/* ---- the stack's and the memo's opcodes --------------------------------------------------------------------------- */

static heed_status load_mark(hd_pickle *p, int argument) {
    (void)argument;
    return push(p, (value){.kind = MARK});
}

static heed_status pop_one(hd_pickle *p, int argument) {
    (void)argument;
    if (p->depth == 0) return invalid(p, "the stack has no value");
    p->depth--;
    return HEED_OK;
}

static heed_status pop_mark(hd_pickle *p, int argument) {
    (void)argument;
    const value *values;
    size_t count;
    return pop_to_mark(p, &values, &count);
}

static heed_status duplicate(hd_pickle *p, int argument) {
    (void)argument;
    value *v;
    HD_TRY(top(p, &v));
    return push(p, *v);
}

static heed_status load_empty(hd_pickle *p, int kind) { return push_container(p, (value_kind)kind, NULL, 0); }

/* A tuple of the last `count` values. */
static heed_status load_tuple(hd_pickle *p, int count) {
    value items[3] = {{0}};
    for (int i = count; i-- > 0;) HD_TRY(pop(p, &items[i]));
    return push_container(p, TUPLE, items, (size_t)count);
}

static heed_status load_marked(hd_pickle *p, int kind) {
    const value *values;
    size_t count, index = 0;
    HD_TRY(pop_to_mark(p, &values, &count));
    if (kind == DICT && count % 2) return invalid(p, "a key has no value");
    HD_TRY(new_container(p, count, &index));
    HD_TRY(add_items(p, index, values, count));
    return push_index(p, (value_kind)kind, index);
}

/* Adds values to the list, set or dict below them. */
static heed_status add_to_top(hd_pickle *p, value_kind kind, const value *values, size_t count) {
    value *object;
    HD_TRY(top(p, &object));
    if (object->kind == NOTHING) return HEED_OK; /* a set, or an object that describes no tensor */
    if (object->kind != kind)
        return invalid(p, kind == DICT ? "an item is set of no dict" : "an item is added to no list");
    if (kind == DICT && count % 2) return invalid(p, "a key has no value");
    return add_items(p, object->index, values, count);
}

static heed_status add_marked(hd_pickle *p, int kind) {
    const value *values;
    size_t count;
    HD_TRY(pop_to_mark(p, &values, &count));
    return add_to_top(p, (value_kind)kind, values, count);
}

static heed_status add_last(hd_pickle *p, int kind) {
    value items[2] = {{0}};
    size_t count = kind == DICT ? 2 : 1;
    for (size_t i = count; i-- > 0;) HD_TRY(pop(p, &items[i]));
    return add_to_top(p, (value_kind)kind, items, count);
}

/* The number of a memo's place: of `bytes` bytes, or on a line for 0. */
static heed_status take_place(hd_pickle *p, int bytes, uint64_t *place) {
    hd_pickled_text line;
    *place = 0;
    if (bytes) return take_number(p, (size_t)bytes, place);
    HD_TRY(take_line(p, &line));
    for (size_t i = 0; i < line.size && *place < MOST_MEMORIZED; i++) {
        if (line.bytes[i] < '0' || line.bytes[i] > '9') return invalid(p, "a place of the memo is no number");
        *place = *place * 10 + (uint64_t)(line.bytes[i] - '0');
    }
    return HEED_OK;
}

/* `bytes` is negative where the place is the next one. */
static heed_status memorize(hd_pickle *p, int bytes) {
    uint64_t place = p->memorized;
    value *v;
    if (bytes >= 0) HD_TRY(take_place(p, bytes, &place));
    HD_TRY(top(p, &v));
    if (place >= MOST_MEMORIZED || place > (uint64_t)(p->at - p->start)) return invalid(p, "the memo is too large");
    if (!hd_grow(p->context, &p->memo, &p->memo_capacity, (size_t)place + 1, sizeof *p->memo)) return HEED_MEMORY;
    while (p->memorized <= place) p->memo[p->memorized++] = (value){.kind = MARK};
    p->memo[place] = *v;
    return HEED_OK;
}

static heed_status recall(hd_pickle *p, int bytes) {
    uint64_t place;
    HD_TRY(take_place(p, bytes, &place));
    if (place >= p->memorized || p->memo[place].kind == MARK) return invalid(p, "nothing is at this place of the memo");
    return push(p, p->memo[place]);
}

/* ---- the opcodes -------------------------------------------------------------------------------------------------- */

static heed_status protocol(hd_pickle *p, int argument) {
    (void)argument;
    uint64_t version;
    HD_TRY(take_number(p, 1, &version));
    if (version <= 5) return HEED_OK;
    return hd_fail(p->context, HEED_UNSUPPORTED, "%s: the pickle has protocol %d, heed reads up to 5", p->path,
                   (int)version);
}

static heed_status frame(hd_pickle *p, int argument) {
    (void)argument;
    uint64_t size;
    HD_TRY(take_number(p, 8, &size));
    return size > (uint64_t)(p->end - p->at) ? invalid(p, "the pickle is cut short") : HEED_OK;
}

static heed_status stop(hd_pickle *p, int argument) {
    (void)argument;
    value *v;
    HD_TRY(top(p, &v));
    p->stopped = true;
    return HEED_OK;
}

typedef struct opcode {
    heed_status (*run)(hd_pickle *p, int argument);
    int argument;
} opcode;

static const opcode opcodes[256] = {
    [0x80] = {protocol},
    [0x95] = {frame},
    ['.'] = {stop},
    ['N'] = {load_nothing},
    [0x88] = {load_nothing},
    [0x89] = {load_nothing},
    ['G'] = {load_nothing, 8},
    ['K'] = {load_integer, 1},
    ['M'] = {load_integer, 2},
    ['J'] = {load_integer, -4},
    [0x8a] = {load_long, 1},
    [0x8b] = {load_long, 4},
    ['I'] = {load_line, 'I'},
    ['L'] = {load_line, 'L'},
    ['F'] = {load_line, 'F'},
    ['S'] = {load_line, 'S'},
    ['V'] = {load_line, 'V'},
    ['X'] = {load_text, 4},
    [0x8c] = {load_text, 1},
    [0x8d] = {load_text, 8},
    ['T'] = {load_text, 4},
    ['U'] = {load_text, 1},
    ['B'] = {load_text, 4},
    ['C'] = {load_text, 1},
    [0x8e] = {load_text, 8},
    [0x96] = {load_text, 8},
    ['('] = {load_mark},
    ['0'] = {pop_one},
    ['1'] = {pop_mark},
    ['2'] = {duplicate},
    [')'] = {load_empty, TUPLE},
    [']'] = {load_empty, LIST},
    ['}'] = {load_empty, DICT},
    [0x8f] = {load_empty, LIST},
    [0x85] = {load_tuple, 1},
    [0x86] = {load_tuple, 2},
    [0x87] = {load_tuple, 3},
    ['t'] = {load_marked, TUPLE},
    ['l'] = {load_marked, LIST},
    ['d'] = {load_marked, DICT},
    [0x91] = {load_marked, LIST},
    ['e'] = {add_marked, LIST},
    ['u'] = {add_marked, DICT},
    [0x90] = {add_marked, LIST},
    ['a'] = {add_last, LIST},
    ['s'] = {add_last, DICT},
    ['p'] = {memorize, 0},
    ['q'] = {memorize, 1},
    ['r'] = {memorize, 4},
    [0x94] = {memorize, -1},
    ['g'] = {recall, 0},
    ['h'] = {recall, 1},
    ['j'] = {recall, 4},
    ['c'] = {load_global},
    ['i'] = {load_global, 1},
    [0x93] = {load_stacked_global},
    ['R'] = {reduce},
    [0x81] = {reduce},
    ['b'] = {build},
    ['Q'] = {load_persistent},
};

static heed_status run(hd_pickle *p) {
    while (!p->stopped) {
        const uint8_t *byte;
        HD_TRY(take(p, 1, &byte));
        const opcode *o = &opcodes[*byte];
        if (!o->run)
            return hd_fail(p->context, HEED_UNSUPPORTED,
                           "%s: byte %zu of the pickle: opcode 0x%02x, which heed refuses", p->path,
                           (size_t)(byte - p->start), *byte);
        HD_TRY(o->run(p, o->argument));
    }
    return HEED_OK;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

heed_status hd_pickle_open(heed_context *context, const char *path, const void *bytes, size_t size, hd_pickle **out) {
    *out = NULL;
    hd_pickle *p = hd_alloc_zeroed(context, 1, sizeof *p);
    if (!p) return HEED_MEMORY;
    p->context = context;
    p->start = p->at = bytes;
    p->end = p->start + (size < LARGEST_PICKLE ? size : LARGEST_PICKLE);
    p->path = hd_copy_string(context, path);
    heed_status status = p->path ? run(p) : HEED_MEMORY;
    if (status == HEED_OK)
        *out = p;
    else
        hd_pickle_close(p);
    return status;
}

void hd_pickle_close(hd_pickle *p) {
    if (!p) return;
    for (size_t i = 0; i < p->container_count; i++) hd_free(p->context, p->containers[i].items);
    void *const blocks[] = {p->path,     p->stack,   p->memo,  p->containers, p->names,
                            p->storages, p->tensors, p->named, p->name_bytes, p};
    heed_context *context = p->context;
    for (size_t i = 0; i < HD_COUNT(blocks); i++) hd_free(context, blocks[i]);
}

size_t hd_pickle_size(const hd_pickle *p) { return (size_t)(p->at - p->start); }

static const value *result(const hd_pickle *p) { return &p->stack[p->depth - 1]; }

bool hd_pickle_is_integer(const hd_pickle *p, int64_t integer) {
    return result(p)->kind == INTEGER && result(p)->integer == integer;
}

bool hd_pickle_text(const hd_pickle *p, size_t index, hd_pickled_text *text) {
    const container *list = sequence(p, result(p));
    if (index >= list->count || list->items[index].kind != TEXT) return false;
    *text = text_of(&list->items[index]);
    return true;
}

const hd_pickled_storage *hd_pickle_storages(const hd_pickle *p, size_t *count) {
    *count = p->storage_count;
    return p->storages;
}

/* ---- the state dict ----------------------------------------------------------------------------------------------- */

/* A tensor of the dict: its name, and its place there. */
typedef struct entry {
    hd_pickled_text name;
    size_t tensor, order;
} entry;

static int compare_names(const void *left, const void *right) {
    const entry *a = left, *b = right;
    size_t shorter = a->name.size < b->name.size ? a->name.size : b->name.size;
    int order = shorter ? memcmp(a->name.bytes, b->name.bytes, shorter) : 0;
    if (order == 0) order = (a->name.size > b->name.size) - (a->name.size < b->name.size);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static int compare_orders(const void *left, const void *right) {
    const entry *a = left, *b = right;
    return (a->order > b->order) - (a->order < b->order);
}

static size_t count_tensors(const container *dict) {
    size_t count = 0;
    for (size_t i = 0; i + 1 < dict->count; i += 2)
        count += dict->items[i].kind == TEXT && dict->items[i + 1].kind == TENSOR;
    return count;
}

/* The dict under this key, or NULL. */
static const container *dict_under(const hd_pickle *p, const container *dict, const char *key) {
    for (size_t i = dict->count; i >= 2; i -= 2) {
        const value *k = &dict->items[i - 2], *v = &dict->items[i - 1];
        if (k->kind == TEXT && v->kind == DICT && k->size == strlen(key) && memcmp(k->text, key, k->size) == 0)
            return &p->containers[v->index];
    }
    return NULL;
}

static const container *state_dict(const hd_pickle *p) {
    static const char *const keys[] = {"state_dict", "model_state_dict", "model", "module"};
    if (result(p)->kind != DICT) return NULL;
    const container *root = &p->containers[result(p)->index], *inside;
    if (count_tensors(root)) return root;
    for (size_t i = 0; i < HD_COUNT(keys); i++)
        if ((inside = dict_under(p, root, keys[i])) && count_tensors(inside)) return inside;
    return NULL;
}

/* Keeps the last of the entries with equal names. */
static size_t drop_replaced(entry *entries, size_t count) {
    size_t kept = 0;
    qsort(entries, count, sizeof *entries, compare_names);
    for (size_t i = 0; i < count; i++) {
        bool replaced = i + 1 < count && entries[i].name.size == entries[i + 1].name.size &&
                        memcmp(entries[i].name.bytes, entries[i + 1].name.bytes, entries[i].name.size) == 0;
        if (!replaced) entries[kept++] = entries[i];
    }
    qsort(entries, kept, sizeof *entries, compare_orders);
    return kept;
}

static heed_status name_tensors(hd_pickle *p, const entry *entries, size_t count) {
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += entries[i].name.size + 1;
    p->named = hd_alloc(p->context, count, sizeof *p->named);
    p->name_bytes = hd_alloc(p->context, bytes, 1);
    if (!p->named || !p->name_bytes) return HEED_MEMORY;
    char *at = p->name_bytes;
    for (size_t i = 0; i < count; i++) {
        hd_pickled_text name = entries[i].name;
        if (memchr(name.bytes, 0, name.size)) return invalid(p, "the name of a tensor has a NUL");
        memcpy(at, name.bytes, name.size);
        at[name.size] = 0;
        p->named[i] = p->tensors[entries[i].tensor];
        p->named[i].name = at;
        at += name.size + 1;
    }
    return HEED_OK;
}

heed_status hd_pickle_tensors(hd_pickle *p, const hd_pickled_tensor **tensors, size_t *count) {
    const container *dict = state_dict(p);
    *count = 0;
    if (!dict) return hd_fail(p->context, HEED_FORMAT, "%s: the pickle is no dict of tensors by their names", p->path);
    entry *entries = hd_alloc(p->context, count_tensors(dict), sizeof *entries);
    if (!entries) return HEED_MEMORY;
    size_t found = 0;
    for (size_t i = 0; i + 1 < dict->count; i += 2)
        if (dict->items[i].kind == TEXT && dict->items[i + 1].kind == TENSOR) {
            entries[found] = (entry){text_of(&dict->items[i]), dict->items[i + 1].index, found};
            found++;
        }
    found = drop_replaced(entries, found);
    hd_free(p->context, p->named), hd_free(p->context, p->name_bytes);
    p->named = NULL, p->name_bytes = NULL;
    heed_status status = name_tensors(p, entries, found);
    hd_free(p->context, entries);
    if (status != HEED_OK) return status;
    *tensors = p->named;
    *count = found;
    return HEED_OK;
}
