/* Waits for a flag that TIM5's update sets every three seconds. */
#include "cortex_m4.h"

#define IRQ_TIM5 50u
static uint32_t vectors_in_memory[166] __attribute__((aligned(1024)));
static volatile uint32_t is_over;

void TIM5_Handler(void)
{
    REGISTER(0x40003010u) = 0;
    is_over = 1;
}

int main(void)
{
    const uint32_t *table = (const uint32_t *)(uintptr_t)SCB_VTOR;
    for (uint32_t i = 0; i < 166; i++) {
        vectors_in_memory[i] = table[i];
    }
    vectors_in_memory[16 + IRQ_TIM5] = (uint32_t)(uintptr_t)TIM5_Handler;
    SCB_VTOR = (uint32_t)(uintptr_t)vectors_in_memory;
    nvic_enable(IRQ_TIM5);
    REGISTER(0x4000302Cu) = 600000000u;
    REGISTER(0x40003024u) = 0;
    REGISTER(0x4000300Cu) = 1u;
    REGISTER(0x40003000u) = 1u;
    for (;;) {
        while (!is_over) {
        }
        is_over = 0;
    }
}
