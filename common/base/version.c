#include "common/base/version.h"

const char *version_text(void)
{
    return FAN_VERSION;
}
