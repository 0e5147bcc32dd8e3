/* Renders templates for scripts that compare heed with jinja2. Each line of standard input is a JSON object with "template",
 * "variables" and, for the clock, "now" ("2025-07-10T12:00:00"); each line of output is {"text": …} or {"raises": …}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja/jinja.h"

static json_t *render(heed_context *context, const json_t *one) {
    hd_chat_template *template;
    hd_chat_template_clock clock = {0};
    hd_buffer out;
    char *raised = NULL;
    const json_t *text = json_object_get(one, "template");
    const char *now = json_string_value(json_object_get(one, "now"));
    if (now) strptime(now, "%Y-%m-%dT%H:%M:%S", &clock.now);
    heed_status status =
        hd_chat_template_open(context, "template", json_string_value(text), json_string_length(text), &template);
    if (status != HEED_OK) return json_pack("{s:s}", "raises", heed_context_message(context));
    hd_buffer_open(&out, context);
    status = hd_chat_template_render(template, context, json_object_get(one, "variables"), now ? &clock : NULL, &out,
                                     &raised);
    json_t *answer = status == HEED_OK ? json_pack("{s:s%}", "text", out.data ? out.data : "", out.size)
                                       : json_pack("{s:s}", "raises", raised ? raised : "no memory");
    hd_free(context, raised);
    hd_buffer_close(&out);
    hd_chat_template_close(template);
    return answer;
}

int main(void) {
    heed_context *context;
    char *line = NULL;
    size_t room = 0;
    if (heed_context_open(&context) != HEED_OK) return 1;
    while (getline(&line, &room, stdin) > 0) {
        json_t *one = json_loads(line, JSON_ALLOW_NUL, NULL), *answer = one ? render(context, one) : NULL;
        if (!answer) return 1;
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(answer);
        json_decref(one);
    }
    free(line);
    heed_context_close(context);
    return 0;
}
