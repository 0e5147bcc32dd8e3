/* The steps of a recurrent network or of an attention head as a page that shows one at a time and loads no other file. */
#ifndef HD_INSPECT_STEPS_HTML_H
#define HD_INSPECT_STEPS_HTML_H

#include "inspect/picture.h"

heed_status hd_steps_html(const heed_picture *picture, hd_buffer *out);

#endif
