/* Labels of words in spans: "O" outside of any, else "B-" or "I-" and the span's kind (Ramshaw and Marcus, 1995). */
#ifndef HD_TEXT_IOB_H
#define HD_TEXT_IOB_H

/* The kind in a label: what follows "B-" or "I-". */
static inline const char *hd_span_kind(const char *label) { return label[0] && label[1] == '-' ? label + 2 : label; }

#endif
