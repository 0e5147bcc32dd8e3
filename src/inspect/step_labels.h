/* Labels that pictures of steps share. */
#ifndef HD_INSPECT_STEP_LABELS_H
#define HD_INSPECT_STEP_LABELS_H

#include <stdint.h>

enum { HD_STEP_NAME = 32, HD_STEP_NOTE = 160 };

/* "h₃", with subscript digits. */
void hd_step_name(char name[HD_STEP_NAME], const char *letter, int64_t step);
/* "192 numbers, norm 4.58". */
void hd_step_note(char note[HD_STEP_NOTE], const float *values, int64_t size);
/* "66.9%". */
void hd_step_percent(char text[HD_STEP_NAME], double share);
/* A token as people read it: without the mark of a word's start, "▁" or "Ġ"; the mark alone is
 * "␣". */
const char *hd_step_token(const char *label);

#endif
