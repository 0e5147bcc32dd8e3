/* The page of steps for browsers: steps.html, which CMake embeds in the library, with the picture's JSON in place of {{DATA}}. */
#include "inspect/steps_html.h"

#include <string.h>

extern const unsigned char hd_steps_page[];
extern const size_t hd_steps_page_size;

heed_status hd_steps_html(const heed_picture *picture, hd_buffer *out) {
    static const char place[] = "{{DATA}}";
    const char *page = (const char *)hd_steps_page, *at = memmem(page, hd_steps_page_size, place, sizeof place - 1);
    if (!at) return hd_fail(out->context, HEED_FORMAT, "steps.html has no %s", place);
    const char *rest = at + sizeof place - 1;
    hd_buffer_append(out, page, (size_t)(at - page));
    HD_TRY(picture->class->json(picture, out));
    hd_buffer_append(out, rest, (size_t)(page + hd_steps_page_size - rest));
    return out->failed ? HEED_MEMORY : HEED_OK;
}
