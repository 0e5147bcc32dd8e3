/* Pictures of single texts, in the terminal or in a file. */
#ifndef CLI_PICTURES_H
#define CLI_PICTURES_H

#include "texts.h"

/* Prints a picture, or writes it to the file `output` (may be NULL), whose ending selects the format. */
heed_status put_picture(const invocation *line, const heed_picture *picture, const char *output);

/* A picture of each text, without blank ones if `skips_blank`. It is opened by `open` (a function of heed/heed.h,
 * heed_inspect_...). A file has a picture of one text only. Returns the program's exit code; failures were reported. */
int draw_pictures(text_source *texts, heed_model *model, const char *output, bool skips_blank,
                  heed_status (*open)(heed_model *model, const heed_options *options, const char *text, size_t size,
                                      heed_picture **picture));

#endif
