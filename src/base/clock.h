/* A monotonic clock, in seconds. */
#ifndef HD_BASE_CLOCK_H
#define HD_BASE_CLOCK_H

double hd_clock(void);

#endif
