/* An interrupt's handler ends with a jump to Error_Handler, which stays there. */
#include "cortex_m4.h"

#define IRQ_TIM4 30u
static uint32_t vectors_in_memory[166] __attribute__((aligned(1024)));

__attribute__((noinline)) void Error_Handler(void)
{
    for (volatile int i = 0;; i++) {
    }
}

__attribute__((naked)) void TIM4_Handler(void) { __asm__ volatile("b Error_Handler"); }

int main(void)
{
    const uint32_t *table = (const uint32_t *)(uintptr_t)SCB_VTOR;
    for (uint32_t i = 0; i < 166; i++) {
        vectors_in_memory[i] = table[i];
    }
    vectors_in_memory[16 + IRQ_TIM4] = (uint32_t)(uintptr_t)TIM4_Handler;
    SCB_VTOR = (uint32_t)(uintptr_t)vectors_in_memory;
    nvic_enable(IRQ_TIM4);
    nvic_set_pending(IRQ_TIM4);
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
