/* Error_Handler is an interrupt's handler, too, and comes back each time: the firmware answers all the same. */
#include "echo.h"

#define IRQ_TIM4 30u
static uint32_t vectors_in_memory[166] __attribute__((aligned(1024)));
static volatile uint32_t errors;

void Error_Handler(void) { errors++; }

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };

int main(void)
{
    const uint32_t *table = (const uint32_t *)(uintptr_t)SCB_VTOR;
    for (uint32_t i = 0; i < 166; i++) {
        vectors_in_memory[i] = table[i];
    }
    vectors_in_memory[16 + IRQ_TIM4] = (uint32_t)(uintptr_t)Error_Handler;
    SCB_VTOR = (uint32_t)(uintptr_t)vectors_in_memory;
    nvic_enable(IRQ_TIM4);
    for (int i = 0; i < 40; i++) {
        nvic_set_pending(IRQ_TIM4);
        for (volatile int wait = 0; wait < 100; wait++) {
        }
    }
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty);
    rpmsg_serve();
}
