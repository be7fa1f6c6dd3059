/* A LADSPA plugin with two channels: the left one passes, the right one comes later by a number of
 * frames (control port). Both lie on one timeline, so the difference between them is exact whatever
 * the sound server does with its buffers. */
#include <ladspa.h>
#include <stdlib.h>

#define MAX_FRAMES 96000

enum { LEFT_IN, RIGHT_IN, LEFT_OUT, RIGHT_OUT, FRAMES, PORTS };

typedef struct {
    LADSPA_Data *port[PORTS];
    LADSPA_Data line[MAX_FRAMES];
    unsigned long at;
} Delay;

static LADSPA_Handle instantiate(const LADSPA_Descriptor *descriptor, unsigned long rate_hz) {
    (void)descriptor;
    (void)rate_hz;
    return calloc(1, sizeof(Delay));
}

static void connect_port(LADSPA_Handle handle, unsigned long port, LADSPA_Data *data) {
    ((Delay *)handle)->port[port] = data;
}

static void run(LADSPA_Handle handle, unsigned long frames) {
    Delay *delay = handle;
    unsigned long late = (unsigned long)*delay->port[FRAMES];
    if (late >= MAX_FRAMES) late = MAX_FRAMES - 1;
    for (unsigned long i = 0; i < frames; i++) {
        delay->port[LEFT_OUT][i] = delay->port[LEFT_IN][i];
        delay->line[delay->at] = delay->port[RIGHT_IN][i];
        delay->port[RIGHT_OUT][i] = delay->line[(delay->at + MAX_FRAMES - late) % MAX_FRAMES];
        delay->at = (delay->at + 1) % MAX_FRAMES;
    }
}

static const LADSPA_PortDescriptor kinds[PORTS] = {
    LADSPA_PORT_INPUT | LADSPA_PORT_AUDIO,  LADSPA_PORT_INPUT | LADSPA_PORT_AUDIO,
    LADSPA_PORT_OUTPUT | LADSPA_PORT_AUDIO, LADSPA_PORT_OUTPUT | LADSPA_PORT_AUDIO,
    LADSPA_PORT_INPUT | LADSPA_PORT_CONTROL};
static const char *const names[PORTS] = {"left in", "right in", "left out", "right out", "frames"};
static const LADSPA_PortRangeHint hints[PORTS] = {
    {0, 0, 0},
    {0, 0, 0},
    {0, 0, 0},
    {0, 0, 0},
    {LADSPA_HINT_BOUNDED_BELOW | LADSPA_HINT_BOUNDED_ABOVE | LADSPA_HINT_INTEGER, 0, MAX_FRAMES - 1}};

static const LADSPA_Descriptor plugin = {
    .UniqueID = 48,
    .Label = "delay_right",
    .Properties = LADSPA_PROPERTY_HARD_RT_CAPABLE,
    .Name = "right channel later",
    .Maker = "chirpbench",
    .Copyright = "MIT",
    .PortCount = PORTS,
    .PortDescriptors = kinds,
    .PortNames = names,
    .PortRangeHints = hints,
    .instantiate = instantiate,
    .connect_port = connect_port,
    .run = run,
    .cleanup = free,
};

const LADSPA_Descriptor *ladspa_descriptor(unsigned long index) {
    return index == 0 ? &plugin : NULL;
}
