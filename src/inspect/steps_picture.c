#include "inspect/steps.h"

#include "inspect/steps_html.h"

heed_status hd_steps_open(heed_context *context, hd_steps **steps) {
    static const hd_picture_class class = {"steps are", hd_steps_text, hd_steps_svg, hd_steps_json, hd_steps_html};
    return hd_picture_open(context, &class, sizeof **steps, steps);
}
