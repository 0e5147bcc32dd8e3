/* The format of saved sessions: a safetensors file. Tensor "state" is a line of JSON and, in hexadecimal digits, a checksum of all
 * bytes of the file before it; "slots" has the numbers of all slots, one after the other, and "caller" the caller's bytes. */
#ifndef HD_DECODE_SAVED_FORMAT_H
#define HD_DECODE_SAVED_FORMAT_H

#include "layers/network.h"

enum { HD_SESSION_FORMAT = 1, HD_SESSION_DIGITS = 16 };

/* A checksum of the recipe, and of what the network predicts after some tokens: other weights predict other numbers. */
heed_status hd_session_fingerprint(heed_context *context, const hd_network *network, uint64_t *fingerprint);

#endif
