/* The loop of bench/busy.c under a SysTick of 10 kHz: what a periodic interrupt costs. */
#define WITH_TICK 1
#include "busy.h"
