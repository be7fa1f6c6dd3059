/* What Swift sees of the C. */
#include "Core/probe_core.h"
#include "Unit/io_unit.h"
