/* What people give as a model, but is none that heed opens: adapters, files of other programs, a file in place of its folder. */
#ifndef HD_FORMATS_FOREIGN_H
#define HD_FORMATS_FOREIGN_H

#include "base/context.h"

/* If the folder or file is one of these, records and returns the error that names it and what to open instead; else HEED_OK.
 * HEED_FILE for a file, HEED_UNSUPPORTED for other contents than heed reads, HEED_MEMORY. */
heed_status hd_foreign_refuse(heed_context *context, const char *path);

#endif
