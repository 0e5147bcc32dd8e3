#include "base/context.h"

#include <stdio.h>

const char *heed_version(void) { return "heed " HEED_VERSION; }
