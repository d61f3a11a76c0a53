/* Runs one kernel and tells the host through semihosting how it ended. */
#include "kernel.h"
#include "semihosting.h"

int main(void)
{
    semihosting_exit(kernel_run() == kernel_expected);
}
