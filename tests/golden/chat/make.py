"""Writes cases.json: templates of our own with what jinja2, set up as transformers sets it up, makes of them.

Each case covers a group of statements, filters, tests, methods or errors; tests/unit/jinja.c renders them all."""
import json
import pathlib
import re

from compare import VARIABLES
from reference import CLOCK, render

TEMPLATES = """
plain text, no tag
{{ n }} {{ m }} {{ x }} {{ yes }} {{ no }} {{ tools }} {{ missing }}|{{ text }}
{{ d }} {{ words }} {{ (1,) }} {{ (1, 'a') }} {{ {1: 'x', none: [true]} }} {{ "it's" }} {{ ["it's", 'a"b', "'\\"", 'tab\\t', 'é', '\\x7f', '\\u200b'] }}
{{ 1.0 }} {{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e22 }} {{ 123456789012345.6 }} {{ 1e-5 }} {{ 0.0001 }} {{ 5 / 2 }} {{ 4 / 2 }} {{ -0.0 }} {{ [1e300 * 1e10, -1e300 * 1e10] }}
{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ 1_000 + 0x1F + 0b11 + 0o17 }}
{{ 'a' ~ 1 ~ none ~ 2.50 ~ [1] ~ missing }} {{ 'ab' * 3 }} {{ [0] * 3 }} {{ 'a' + 'b' + "c" 'd' }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ true + true }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 == true }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 'a' in 'abc' }} {{ 'k' in {'k': 1} }} {{ 3 not in [1, 2] }} {{ none == missing }} {{ missing == missing2 }}
{{ 0 or 'x' }} {{ '' and 'y' }} {{ not [] }} {{ 1 if no else 2 }} {{ 'only' if yes }}|{{ 'none' if no }}| {{ yes and no or 'last' }}
{{ text[0] }} {{ text[-1] }} {{ text[4:9] }} {{ text[::-1] }} {{ words[1:] }} {{ words[::-2] }} {{ words[-2:] }} {{ words[10:] }} {{ text[100000] }}| {{ 'Héß'[1:3] }} {{ numbers[-2:1:-1] }} {{ (1, 2, 3)[::2] }} {{ range(9)[2:7:2] }}
{{ d.a.c[2].e }} {{ d['items'] }} {{ d.items() }} {{ d.keys() }} {{ d.values() | list }} {{ d.get('b') }} {{ d.get('q') }} {{ d.get('q', 5) }} {{ d.q }}| {{ users[0].n }} {{ users.0.age }} {{ d['a']['c'][0] }} {{ messages[2].tool_calls[0].function.arguments }}
{% for item in words %}{{ loop.index }}/{{ loop.length }}:{{ item }}{{ ', ' if not loop.last }}{% endfor %}
{% for item in words %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.previtem }}<{{ loop.nextitem }}{{ loop.cycle('odd', 'even') }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}
{% for a, b in pairs %}{{ a }}={{ b }} {% endfor %}{% for key, value in d.items() %}{{ key }}{% endfor %}{% for key in d %}{{ key }}{% endfor %}{% for c in 'aßc' %}[{{ c }}]{% endfor %}{% for (a, b) in pairs %}{{ a }}{% endfor %}
{% for item in [] %}x{% else %}empty{% endfor %}{% for item in missing %}x{% else %}undefined{% endfor %}{% for item in [1] %}{% break %}{% else %}after break{% endfor %}{% for item in [1] %}x{% else %}y{% endfor %}
{% for item in words if item != 'bravo' %}{{ loop.index }}{{ item }}{{ loop.last }} {% endfor %}{% for item in numbers if item > 0 %}{{ item }}/{{ loop.length }} {% endfor %}
{% for a, b in pairs if b %}{{ loop.previtem }}{{ loop.nextitem }}{% endfor %}{% for a in pairs if a %}{{ loop.nextitem }}{% endfor %}
{% for item in range(10) %}{% if item == 2 %}{% continue %}{% endif %}{% if item > 5 %}{% break %}{% endif %}{{ item }}{% endfor %}
{% for item in nested recursive %}{{ loop.depth }}{% if item is iterable %}({{ loop(item) }}){% else %}{{ item }}{% endif %}{% endfor %}
{% for item in [1, 1, 2, 2, 1] %}{% if loop.changed(item) %}{{ item }}{% endif %}{% endfor %}{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}{% set j = joiner('; ') %}{% for i in range(3) %}{{ j() }}{{ i }}{% endfor %}
{% set a = 1 %}{% for item in [1, 2] %}{% set a = a + item %}{{ a }}{% endfor %}{{ a }}{% set ns = namespace(a=1) %}{% for item in [1, 2] %}{% set ns.a = ns.a + item %}{% endfor %}{{ ns.a }}{{ ns }}{% set a, b = 3, 4 %}{{ a }}{{ b }}{% set ns.p, ns.q = 5, 6 %}{{ ns.p + ns.q }}
{% if no %}{% set late = 1 %}{% endif %}{{ late }}|{% if yes %}{% set late = 2 %}{% else %}{% set other = 3 %}{% endif %}{{ late }}{{ other }}|{% for i in [1, 2] %}{% if loop.first %}{% set inner = i %}{% endif %}[{{ inner }}]{% endfor %}
{% set block %}  a {{ n }} b{% endset %}[{{ block }}]{% set block | upper | trim %} x {{ words[0] }} {% endset %}[{{ block }}]{% set ns = namespace() %}{% set ns.t %}t{% endset %}{{ ns.t }}
{% macro plain(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ plain(1) }}{{ plain(1, 3) }}{{ plain(b=5, a=4) }}{{ plain() }}{{ plain(1, c=none) }}{{ plain }}{{ plain.name }}{{ plain.arguments }}
{% macro more(a) %}{{ a }} {{ varargs }} {{ kwargs }}{% endmacro %}{{ more(1, 2, 3, k=4) }}{% macro wrap(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call wrap('b') %}bold {{ n }}{% endcall %}{% macro each(l) %}{% for i in l %}{{ caller(i, loop.index) }}{% endfor %}{% endmacro %}{% call(v, i) each(words) %}{{ i }}{{ v }} {% endcall %}
{% macro fact(k) %}{% if k < 2 %}1{% else %}{{ k * fact(k - 1) | int }}{% endif %}{% endmacro %}{{ fact(6) }}{% macro outer() %}{% set z = 1 %}{% macro inner() %}{{ z }}{{ n }}{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}{{ z }}
{% set later = 1 %}{% macro sees() %}{{ later }}{% endmacro %}{% set later = 2 %}{{ sees() }}{% with later = 3, q = later %}{{ later }}{{ q }}{{ sees() }}{% set later = 4 %}{% endwith %}{{ later }}{{ q }}
{% filter upper %}filtered {{ words[0] }}{% endfilter %}{% filter replace('a', 'b') | trim %} banana {% endfilter %}{% generation %}made {{ n }}{% set hidden = 1 %}{% endgeneration %}{{ hidden }}{% print n %}{% print n, m %}
{{ [1, 2, 3] | first }}{{ [] | first }}|{{ words | last }}{{ 'abc' | last }}{{ d | length }}{{ text | count }}{{ 'abc' | list }}{{ d | list }}{{ range(4) | list }}{{ words | join }}{{ words | join(', ') }}{{ users | join('/', attribute='n') }}{{ [1, none, 'x'] | join('-') }}
{{ words | sort }}{{ words | sort(true) }}{{ words | sort(case_sensitive=true) }}{{ numbers | sort }}{{ users | sort(attribute='age') | map(attribute='n') | list }}{{ users | sort(attribute='age,n', reverse=true) | map(attribute='n') | list }}
{{ d | dictsort }}{{ d | dictsort(true) }}{{ {'a': 2, 'b': 1} | dictsort(by='value') }}{{ {'a': 2, 'b': 1} | dictsort(reverse=true) }}{{ words | unique | list }}{{ words | unique(true) | list }}{{ users | unique(attribute='age') | list }}
{{ users | groupby('age') }}{% for age, group in users | groupby('age') %}{{ age }}:{{ group | map(attribute='n') | join }};{% endfor %}{% for g in users | groupby('n') %}{{ g.grouper }}{{ g.list | length }}{% endfor %}{{ users | groupby('o.x', default=0) | map('first') | list }}
{{ numbers | sum }}{{ users | sum(attribute='age') }}{{ [[1], [2]] | sum(start=[]) }}{{ numbers | min }}{{ numbers | max }}{{ words | max }}{{ users | min(attribute='age') }}{{ [] | max }}|{{ words | min(case_sensitive=true) }}
{{ words | batch(2) | list }}{{ words | batch(3, '-') | list }}{{ words | slice(2) | list }}{{ words | slice(3, 'z') | list }}{{ words | reverse | list }}{{ 'añb' | reverse }}{{ d | items | list }}{{ missing | items | list }}
{{ words | map('upper') | list }}{{ words | map('replace', 'a', 'o') | list }}{{ users | map(attribute='o.x', default=0) | list }}{{ numbers | select('odd') | list }}{{ numbers | select | list }}{{ numbers | reject('gt', 1) | list }}{{ users | selectattr('o') | list | length }}{{ users | selectattr('age', 'equalto', 30) | map(attribute='n') | list }}{{ users | rejectattr('age', '>', 26) | map(attribute='n') | list }}
{{ missing | default('dflt') }}{{ '' | default('e') }}{{ '' | default('e', true) }}{{ none | d('n', true) }}{{ none | d('n') }}{{ d | attr('b') }}|{{ d | attr('items') is callable }}{{ tools | default([]) }}
{{ text | upper }}{{ text | lower }}{{ text | capitalize }}{{ text | title }}{{ "it's a foo-bar (baz) [x] {y} <z>" | title }}{{ '  x ' | trim }}|{{ 'xxaxx' | trim('x') }}{{ text | wordcount }}{{ text | replace('o', '0') }}{{ text | replace('o', '0', 2) }}{{ 'aaa' | replace('', '-') }}{{ 12 | replace(1, 3) }}
{{ 'ab' | center(7) }}|{{ text | indent }}|{{ 'a\\n\\nb' | indent(2) }}|{{ 'a\\n\\nb' | indent(2, true, true) }}|{{ 'a\\nb' | indent('> ', first=true) }}|{{ '' | indent }}|{{ text | truncate(12) }}|{{ text | truncate(12, true) }}|{{ text | truncate(12, false, '!', 0) }}|{{ 'short' | truncate(3) }}
{{ '<a href="x">&\\'' | e }}{{ '<' | escape | escape }}{{ '<' | e | forceescape }}{{ ('<b>' | safe) + '<' }}{{ ('%s' | safe) % '<' }}{{ '<p>a <b>b</b>\\n c &amp; &lt;</p><!-- no -->' | striptags }}{{ 'a b/é&?' | urlencode }}{{ {'a b': 'c/d', 'e': 1} | urlencode }}{{ {'a': 'x<', 'b': none, 'c': 1} | xmlattr }}{{ {'a': 1} | xmlattr(false) }}{{ 'x' | safe is escaped }}{{ 'x' is escaped }}
{{ 3.7 | int }}{{ '42' | int }}{{ ' 4_2 ' | int }}{{ '3.9' | int }}{{ 'x' | int }}{{ 'x' | int(-1) }}{{ '0x1f' | int(base=16) }}{{ '1f' | int(0, 16) }}{{ '101' | int(base=2) }}{{ none | int }}{{ true | int }}{{ '1e3' | int }}{{ '1.5' | float }}{{ 'x' | float }}{{ 'x' | float(2.5) }}{{ 'inf' | float }}{{ 3 | float }}
{{ 2.5 | round }}{{ 3.5 | round }}{{ 2.675 | round(2) }}{{ 42.55 | round(1, 'floor') }}{{ 42.51 | round(1, 'ceil') }}{{ 1234 | round(-2) }}{{ 7 | round }}{{ -3 | abs }}{{ 2.5 | abs }}{{ 1 | filesizeformat }}{{ 999 | filesizeformat }}{{ 123456 | filesizeformat }}{{ 123456 | filesizeformat(true) }}{{ 5e30 | filesizeformat }}{{ 5 | string + 'x' }}
{{ d | tojson }}{{ d | tojson(indent=2) }}{{ messages[1] | tojson }}{{ [1, 2.0, true, none, 'é\\n\\t"\\\\\\b\\x01', (1, 2), {}, []] | tojson }}{{ 'é😀' | tojson(ensure_ascii=true) }}{{ d | tojson(separators=(',', ':')) }}{{ d | tojson(sort_keys=true) }}{{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }}{{ [[], {}] | tojson(indent=4) }}{{ {'a': 1} | tojson(indent='->') }}{{ '</script>' | tojson }}
{{ '%s is %d and %5.2f|%-5s|%05d|%x|%X|%o|%e|%g|%c|%r|%%' % ('a', 3, 2.345, 'ab', 42, 255, 255, 8, 12345.678, 0.0001, 'z', 'q') }}{{ '%(a)s-%(b)03d' % {'a': 1, 'b': 2} }}{{ '%s' % none }}{{ '%s %s' | format('a', 1) }}{{ '%(k)s' | format(k='v') }}{{ '%*d|%+d|% d|%.3s|%i' % (5, 3, 4, 5, 'abcdef', 2.9) }}
{{ '{} {}'.format('a', 1) }}{{ '{1}{0}{1}'.format('a', 'b') }}{{ '{k:>6}|{k:<6}|{k:^6}|{k:*^7}'.format(k='ab') }}{{ '{:.2f}|{:8.3f}|{:+d}|{:05d}|{:,}|{:x}|{:#x}|{:b}|{:e}|{:%}|{:_}'.format(3.14159, 2.5, 5, 42, 1234567, 255, 255, 5, 12345.678, 0.25, 1000) }}{{ '{0.b}{0[a]}{1[0]}'.format(d, words) }}{{ '{!r:>5}{{}}'.format('a') }}{{ '{a}'.format_map({'a': 1}) }}{{ '{:{w}}|'.format('a', w=4) }}
{{ ' a b '.strip() }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|{{ 'xyaxy'.strip('xy') }}{{ 'a,b,,c'.split(',') }}{{ ' a  b '.split() }}{{ 'a,b,c'.split(',', 1) }}{{ 'a b c'.rsplit(' ', 1) }}{{ ' a b c '.split(none, 1) }}{{ ' a b c '.rsplit(none, 1) }}{{ 'a\\nb\\r\\nc\\n'.splitlines() }}{{ 'a\\nb'.splitlines(true) }}{{ 'a=b=c'.partition('=') }}{{ 'a=b=c'.rpartition('=') }}{{ 'abc'.partition('z') }}
{{ 'aXbX'.replace('X', 'é') }}{{ 'aaa'.replace('a', 'b', 2) }}{{ 'abc'.replace('', '-') }}{{ ', '.join(words) }}{{ 'abc'.startswith('a') }}{{ 'abc'.startswith(('x', 'ab')) }}{{ 'abc'.endswith('bc') }}{{ 'abc'.startswith('b', 1) }}{{ 'abcabc'.find('c') }}{{ 'éabc'.find('c') }}{{ 'abcabc'.rfind('c') }}{{ 'abc'.find('z') }}{{ 'abc'.index('b') }}{{ 'abab'.count('ab') }}{{ 'aa'.count('') }}{{ 'abc'.removeprefix('a').removesuffix('c') }}
{{ 'ab'.center(7, '*') }}{{ 'ab'.ljust(5) }}|{{ 'ab'.rjust(5, '-') }}{{ '-42'.zfill(6) }}{{ 'a\\tb'.expandtabs(4) }}{{ 'hello world'.title() }}{{ "it's".title() }}{{ 'hELLO'.capitalize() }}{{ 'hELLO ß'.swapcase() }}{{ 'Straße ΑΣ ﬁ'.casefold() }}{{ 'straße ﬁ ŉ'.upper() }}{{ 'ΑΣ ΑΣΑ İ'.lower() }}
{{ 'abc'.isalpha() }}{{ 'a1'.isalnum() }}{{ '12'.isdigit() }}{{ '²'.isdigit() }}{{ '½'.isnumeric() }}{{ '12'.isdecimal() }}{{ ' \\t'.isspace() }}{{ 'Ab C'.istitle() }}{{ 'ab'.islower() }}{{ 'AB1'.isupper() }}{{ 'a_1'.isidentifier() }}{{ '1a'.isidentifier() }}{{ 'é'.isascii() }}{{ '\\n'.isprintable() }}{{ ''.isalpha() }}{{ words.index('bravo') }}{{ words.count('alpha') }}{{ (1, 1).count(1) }}{{ d.copy() == d }}{{ dict([('a', 1)], b=2) }}{{ dict.fromkeys('ab', 0) }}
{{ n is odd }}{{ n is even }}{{ n is divisibleby 7 }}{{ n is defined }}{{ missing is defined }}{{ missing is undefined }}{{ none is none }}{{ yes is boolean }}{{ yes is true }}{{ no is false }}{{ 1 is true }}{{ n is integer }}{{ true is integer }}{{ x is float }}{{ x is number }}{{ true is number }}{{ 'a' is string }}{{ d is mapping }}{{ words is sequence }}{{ d is sequence }}{{ 'a' is iterable }}{{ n is iterable }}{{ 'ab' is lower }}{{ 'AB' is upper }}{{ m is sameas m }}{{ 'upper' is filter }}{{ 'odd' is test }}{{ n is in [7] }}{{ n is not none }}{{ n is eq 7 }}{{ n is ge(7) }}{{ n is lessthan 3 }}{{ dict is callable }}{{ 1 is eq(1) and 2 is ne 3 }}
{% raw %}{{ not }} {% a %}{% endraw %}|{# comment #}|{#- strip -#} x {%- if yes -%} y {%- endif -%} z {{- ' q ' -}} w
a\\n   {% if yes %}   \\n  b\\n  {% endif %}\\nc {% if yes %} d{% endif %}\\n\\n{%+ if yes %}e{% endif +%}\\n  {# c #}\\n  {{ n }}\\n
{{ strftime_now('%Y-%m-%d %H:%M:%S %d %B %b %A %a %j %p %I %y %f %z %Z %% %-d') }}{{ range(3) }}{{ range(1, 9, 3) | list }}{{ range(5, 0, -2) | list }}{{ range(0) | list }}{{ namespace(a=1) }}
{{ "\\x41\\u00e9\\101\\n" }}{{ 'a\\\\b\\q\\'' }}{{ "line \\
joined" }}{{ 'é\\é' }}
{{ [[1, 2], [3]] | map('sum') | list }}{{ {'a': {'b': [10, 20]}} | attr('a') }}{{ (words | map('length') | list) == [5, 5, 7, 5, 5] }}{{ words | map('first') | map('upper') | join }}{{ 'abc' | map('upper') | list }}{{ messages | map(attribute='content') | map('length') | list }}
{{ messages | selectattr('role', 'in', ['user', 'tool']) | map(attribute='role') | list }}{{ messages | rejectattr('tool_calls', 'defined') | list | length }}{{ messages[::-1] | map(attribute='role') | list }}{% for message in messages[-2:] %}{{ message['role'] }}{% endfor %}
"""

RAISING = """
{{ raise_exception('roles must "alternate"') }}
{% for message in messages %}{% if loop.index0 % 2 == 0 and message.role != 'user' %}{{ raise_exception('Found ' + message.role) }}{% endif %}{% endfor %}
{{ missing.attribute }}
{{ d.missing.deeper }}
{{ d[3].x }}
{{ none.x.y }}
{{ missing + 1 }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + 'a' }}
{{ 1 < 'a' }}
{{ 1 / 0 }}
{{ 1 in 5 }}
{{ 1 in 'a' }}
{{ n() }}
{{ missing() }}
{{ words.append('x') }}
{{ d.update({}) }}
{{ ''.__class__.__mro__ }}
{{ namespace(_a=1) }}
{% set ns = namespace() %}{% set ns._a = 1 %}
{% set d.x = 1 %}
{% for a, b in [[1, 2, 3]] %}{% endfor %}
{% for a, b in [[1]] %}{% endfor %}
{% for a in 5 %}{% endfor %}
{{ 5 | length }}
{{ words | nofilter }}
{{ words is notest }}
{% if no %}{{ words | nofilter }}{% endif %}fine{% if yes %}{{ words | nofilter }}{% endif %}
{{ [1, 'a'] | sort }}
{{ range(1000000) }}
{{ missing | tojson }}
{{ '%d' % 'a' }}
{{ '%s %s' % 'a' }}
{{ '%s' % ('a', 'b') }}
{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{% endmacro %}{{ m(b=2) }}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% for i in [1] %}{{ loop([2]) }}{% endfor %}
{{ 'abc'.index('z') }}
{{ ','.join([1]) }}
{{ 'a'.split('') }}
{{ {[]: 1} }}
{% if x %}
{% endif %}
{% for x y %}
{{ x
{{ x } }}
{{ (1, 2 }}
{{ x | }}
{{ 'unclosed }}
{% unknown %}
{% raw %} no end
{# no end
{{ 1 ? 2 }}
{% set 1 = 2 %}
{% break %}
{% macro m(a=1, b) %}{% endmacro %}
{% for loop in words %}{% endfor %}
{{ a is b is c }}
{{ f(a=1, 2) }}
{% if yes %}{% else %}{% endfor %}{% endif %}
"""


def main():
    cases = []
    for template in (TEMPLATES + RAISING).strip().split("\n"):
        if template.endswith("\\"):  # a string that goes on in the next line
            cases.append(template)
            continue
        if cases and isinstance(cases[-1], str):
            template = cases.pop() + "\n" + template
        elif "\\n" in template and "{{ '" not in template and '{{ "' not in template:
            template = template.replace("\\n", "\n")
        cases.append({"template": template, **render(template, VARIABLES)})
    for case in cases:
        case.pop("kind", None)
        if "raises" in case:  # Python's compiler adds a place in its own source
            case["raises"] = re.sub(r" \(<template>, line \d+\)", "", case["raises"])
    golden = {"now": CLOCK, "variables": VARIABLES, "cases": cases}
    path = pathlib.Path(__file__).with_name("cases.json")
    path.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
