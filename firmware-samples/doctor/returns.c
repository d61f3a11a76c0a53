/* Forgets its endless loop. */
#include "cortex_m4.h"

int main(void)
{
    REGISTER(0x50000AA8u) = 1u << 3;
    return 0;
}
