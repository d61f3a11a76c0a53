/* On a message it takes a lock, and an interrupt comes whose handler waits for the same lock. */
#include "echo.h"

#define IRQ_TIM4 30u
static volatile int lock;
/* The vector table again, in memory: 166 entries, aligned to the next power of two in bytes. */
static uint32_t vectors_in_memory[166] __attribute__((aligned(1024)));

__attribute__((noinline)) static void take_lock(void)
{
    while (lock) {
    }
    lock = 1;
}

void TIM4_Handler(void)
{
    take_lock();
    lock = 0;
}

__attribute__((noinline)) static void receive(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    take_lock();
    nvic_set_pending(IRQ_TIM4);
    for (volatile int i = 0; i < 100; i++) {
    }
    rpmsg_send(endpoint, source, payload, length);
    lock = 0;
}

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = receive };

int main(void)
{
    const uint32_t *table = (const uint32_t *)(uintptr_t)SCB_VTOR;
    for (uint32_t i = 0; i < 166; i++) {
        vectors_in_memory[i] = table[i];
    }
    vectors_in_memory[16 + IRQ_TIM4] = (uint32_t)(uintptr_t)TIM4_Handler;
    SCB_VTOR = (uint32_t)(uintptr_t)vectors_in_memory;
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty);
    nvic_enable(IRQ_TIM4);
    rpmsg_serve();
}
