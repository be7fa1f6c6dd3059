/* All that the app sees of the core. */
#ifndef CHIRPBENCH_PROBE_CORE_H
#define CHIRPBENCH_PROBE_CORE_H

#include "duplex.h"
#include "bounds.h"
#include "message.h"
#include "report.h"
#include "session.h"
#include "wire.h"
#include "words.h"
#include "writer.h"

#endif
