# Reads paths of source files and finds cycles within a module: units that use each other, directly or through others. A
# unit is X.c with X.h. It uses another one of its module when its text has an identifier (hd_, heed_, HD_, HEED_) that the
# other defines: a function or an object that is not static, or in a header also a type, a constant or a macro. A function
# counts for the header that declares it as well as for the source that defines it.
#
# Prints each cycle, with the symbols by which its units use each other, and exits with 1 if there is one.

function is_symbol(word) { return word ~ /^(hd|heed|HD|HEED)_/ }

function define(symbol) {
    if (!is_symbol(symbol)) return
    if (!header) defined[symbol, unit] = 1 # even where the unit's own header declares it
    if ((symbol, unit) in owned) return
    owned[symbol, unit] = 1
    owners[symbol] = owners[symbol] " " unit
}

# A declaration in a source defines nothing.
function declares() { return head ~ /^ *extern / || (head ~ /\(\)[^=]*$/ && head !~ /\{\}/) }

# At the end of a top-level statement: `head` is its text with each group of braces and parentheses reduced to {} and ().
function end_statement(    name) {
    if (head ~ /^ *(HD|HEED)_[A-Z_]+\(\) +[a-z]/) sub(/^[^)]*\) +/, "", head) # after a macro that makes declarations
    if (head ~ /^ *typedef/) {
        if (header) {
            name = head
            if (name ~ /\(\) *\(\) *$/) name = pointer # typedef R (*name)(arguments)
            sub(/ *(\(\)|\[.*)* *$/, "", name)
            sub(/^.*[^A-Za-z0-9_]/, "", name)
            define(name)
        }
    } else if (head ~ /(^|[^A-Za-z0-9_])(struct|union) +[A-Za-z0-9_]+ *\{\} *$/) {
        if (header) {
            name = head
            sub(/ *\{\} *$/, "", name)
            sub(/^.* /, "", name)
            bodies[name] = bodies[name] " " unit
        }
    } else if (head ~ /[A-Za-z0-9_]/ && head !~ /^ *(struct|union|enum) +[A-Za-z0-9_]+ *$/ && (header || head !~ /(^| )static /)) {
        name = head
        sub(/ *=.*/, "", name)                   # an object's value
        sub(/ *__attribute__.*/, "", name)
        if (name ~ /\(\)/) sub(/ *\(\).*/, "", name) # a function: what precedes its arguments
        sub(/ *(\[[^]]*\] *|\{\} *)+$/, "", name)
        sub(/^.*[^A-Za-z0-9_]/, "", name)
        if (name !~ /^(HD|HEED)_/ && (header || !declares())) define(name) # else a macro makes the name
    }
    head = pointer = ""
}

# Without comments and without what is between quotes.
function strip(line,    out, c) {
    out = ""
    while (line != "") {
        if (in_comment) {
            c = index(line, "*/")
            if (!c) return out
            in_comment = 0
            line = substr(line, c + 2)
        } else if (match(line, /"|'|\/\*|\/\//)) {
            out = out substr(line, 1, RSTART - 1)
            c = substr(line, RSTART, RLENGTH)
            line = substr(line, RSTART + RLENGTH)
            if (c == "//") return out
            if (c == "/*") in_comment = 1
            else if (c == "\"") { if (!match(line, /^([^"\\]|\\.)*"/)) return out; line = substr(line, RLENGTH + 1); out = out " " }
            else { if (!match(line, /^([^'\\]|\\.)*'/)) return out; line = substr(line, RLENGTH + 1); out = out " " }
        } else {
            return out line
        }
    }
    return out
}

function read_line(line,    word, c) {
    line = strip(line)
    macro = continued || line ~ /^[ \t]*#/
    if (!continued && line ~ /^[ \t]*#[ \t]*define[ \t]/ && header) {
        word = line
        sub(/^[ \t]*#[ \t]*define[ \t]+/, "", word)
        sub(/[^A-Za-z0-9_].*$/, "", word)
        define(word)
    }
    continued = macro && line ~ /\\[ \t]*$/
    if (line ~ /^[ \t]*#[ \t]*include/) return
    while (match(line, /[A-Za-z_][A-Za-z0-9_]*|[^A-Za-z_ \t]/)) {
        word = substr(line, RSTART, RLENGTH)
        if (substr(line, 1, RSTART - 1) != "" && !depth && !round) head = head " "
        line = substr(line, RSTART + RLENGTH)
        if (is_symbol(word) && !((unit, word) in used)) { used[unit, word] = 1; uses[unit] = uses[unit] " " word }
        if (!header) in_source[unit, word] = 1
        if (macro) continue
        if (word == "enum") constants = -1
        else if (word == "{" && constants < 0) constants = depth + 1
        else if (word == "}" && constants == depth) constants = 0
        else if (constants < 0 && word ~ /[();]/) constants = 0
        else if (constants > 0 && header && (before == "{" || before == ",")) define(word)
        before = word
        if (word == "{") { if (!depth++ && !round) head = head "{" }
        else if (word == "}") {
            if (--depth || round) continue
            head = head "}"
            if (head ~ /\(\)[^=]*\{\}$/ && head !~ /^ *(typedef|struct|union|enum)[^(]*\{\}$/) end_statement() # a function with its body
        }
        else if (word == "(") { if (!depth && !round) head = head "("; round++ }
        else if (word == ")") { if (!--round && !depth) head = head ")" }
        else if (word == ";" && !depth && !round) end_statement()
        else if (depth) continue
        else if (round) { if (word != "*") pointer = word }
        else head = head word
    }
    if (!depth && !round) head = head " "
}

{
    file = $0
    unit = file
    sub(/\.[a-z]*$/, "", unit)
    sub(/^src\//, "", unit)
    header = file ~ /\.h$/
    module = unit
    sub(/\/.*/, "", module)
    if (!(unit in module_of)) units[++unit_count] = unit
    module_of[unit] = module
    depth = round = in_comment = continued = constants = 0
    head = pointer = ""
    while ((getline line < file) > 0) read_line(line)
    close(file)
}

# Does the unit's header only declare what another unit's source defines?
function only_declared(symbol, u,    n, list, i) {
    n = split(owners[symbol], list, " ")
    for (i = 1; i <= n; i++) if (list[i] != u && ((symbol, list[i]) in defined)) return 1
    return 0
}

# ---- strongly connected components (Tarjan, 1972) ----

function visit(u,    n, list, i, v) {
    order[u] = low[u] = ++clock
    stack[++top] = u
    on_stack[u] = 1
    n = split(targets[u], list, " ")
    for (i = 1; i <= n; i++) {
        v = list[i]
        if (!(v in order)) { visit(v); if (low[v] < low[u]) low[u] = low[v] }
        else if (on_stack[v] && order[v] < low[u]) low[u] = order[v]
    }
    if (low[u] != order[u]) return
    component++
    do {
        v = stack[top--]
        on_stack[v] = 0
        of[v] = component
        members[component] = members[component] " " v
        sizes[component]++
    } while (v != u)
}

END {
    for (symbol in bodies) # a struct without a typedef of its name
        if (!(symbol in owners)) owners[symbol] = bodies[symbol]
    for (i = 1; i <= unit_count; i++) {
        u = units[i]
        n = split(uses[u], words, " ")
        for (j = 1; j <= n; j++) {
            if ((words[j], u) in defined) continue
            if (((words[j], u) in owned) && (only_declared(words[j], u) == 0 || !((u, words[j]) in in_source))) continue
            m = split(owners[words[j]], list, " ")
            for (k = 1; k <= m; k++) {
                v = list[k]
                if (v == u || module_of[v] != module_of[u]) continue
                if (!((u, v) in by)) targets[u] = targets[u] " " v
                by[u, v] = by[u, v] " " words[j]
            }
        }
    }
    for (i = 1; i <= unit_count; i++) if (!(units[i] in order)) visit(units[i])
    for (c = 1; c <= component; c++) {
        if (sizes[c] < 2) continue
        cycles++
        n = split(members[c], list, " ")
        print "cycle in src/" module_of[list[1]] ":" members[c]
        for (i = 1; i <= n; i++)
            for (j = 1; j <= n; j++)
                if ((list[i], list[j]) in by) print "    " list[i] " uses " list[j] ":" by[list[i], list[j]]
    }
    exit cycles ? 1 : 0
}
