/* Takes what it gets without a word, and has no other service. */
#define SILENT_ONLY
#include "silent.c"
