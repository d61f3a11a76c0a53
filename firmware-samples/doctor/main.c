// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Firmware that no channel comes of, each for another reason: what `m4run doctor` is to tell apart. Built once for each CASE. */
#define NO_TABLE 1
#define NEVER_POLLS 2
#define NO_DRIVER 3
#define MASKED 4
#define IRQ_OFF 5
#define RINGS_ELSEWHERE 6
#define ERROR_HANDLER 7
#define EARLY_FAULT 8
#define NO_KICK 9
#define SLEEPS_MASKED 10
#define CLOCK 11
#define PRIORITY_MASKED 12
#define DEFAULT_HANDLER 13
#define MAILBOX_OFF 14
#define NO_RECEIVE_BUFFERS 15
#define TICK_STOPPED 16
#define WITHDRAWN 17

#if CASE == NO_TABLE || CASE == EARLY_FAULT
#include "cortex_m4.h"
#include "trace.h"
#else
#if CASE == NO_KICK
/* Announces and does not ring. */
#include "ipcc.h"
#define ipcc_ring(channel) ((void)(channel))
#endif
#include "../common/rpmsg.c"

static void echo(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    rpmsg_send(endpoint, source, payload, length);
}

#if CASE == NO_DRIVER
static struct rpmsg_endpoint tty = { .name = "rpmsg-tty-channel", .address = 0x400, .receive = echo };
#else
static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };
#endif
#endif

__attribute__((noinline, used)) void Error_Handler(void)
{
    for (;;) {
        __asm__ volatile("");
    }
}

#if CASE == EARLY_FAULT
/* In main's place, by the linker: what runs before it, as clocks and memories are set up. */
int __real_main(void);
__attribute__((noinline)) void SystemInit(void)
{
    (void)REGISTER(0x60000000u);
    cpu_synchronize();
}
int __wrap_main(void)
{
    SystemInit();
    return __real_main();
}
#endif

#if CASE == DEFAULT_HANDLER
/* In the handler's place, by the linker: what start-up files have for a handler that nobody defines. */
void __wrap_IPCC_RX1_Handler(void)
{
    for (;;) {
        __asm__ volatile("");
    }
}
#endif

#if CASE == NO_RECEIVE_BUFFERS
/* Headers that promise more than was given: Linux drops each message, and its buffer with it. */
__attribute__((noinline)) static void send_torn_messages(void)
{
    for (;;) {
        struct vring_buffer buffer;
        take_buffer(&buffer);
        struct header *header = (struct header *)(uintptr_t)buffer.address;
        *header = (struct header){ .source = tty.address, .destination = 0x401, .length = 100 };
        vring_give_back(&to_linux, buffer.id, sizeof *header);
        ipcc_ring(IPCC_VQ0);
    }
}
#endif

#if CASE == TICK_STOPPED
/* As ST's HAL counts time, with the SysTick that nobody starts. */
volatile uint32_t uwTick;

__attribute__((noinline, used)) static void HAL_Delay(uint32_t milliseconds)
{
    uint32_t start = uwTick;
    while (uwTick - start < milliseconds) {
    }
}
#endif

#if CASE == CLOCK
/* RCC_PLL4CR.PLL4RDY, which nothing will set: the PLL was switched off. */
__attribute__((noinline)) static void wait_for_clock(void)
{
    REGISTER(0x50000894u) = 0;
    while ((REGISTER(0x50000894u) & (1u << 1)) == 0) {
    }
}
#endif

int main(void)
{
    trace("doctor");
#if CASE == NO_TABLE || CASE == EARLY_FAULT
    for (;;) {
        cpu_wait_for_interrupt();
    }
#else
#if CASE == ERROR_HANDLER
    Error_Handler();
#elif CASE == CLOCK
    wait_for_clock();
#elif CASE == TICK_STOPPED
    HAL_Delay(10);
#endif
    ipcc_init();
#if CASE == NEVER_POLLS
    for (volatile uint32_t work = 0;; work++) {
    }
#elif CASE == MASKED
    IPCC_C2MR |= 0x3Fu;
#elif CASE == IRQ_OFF
    nvic_disable(IRQ_IPCC_RX1);
#elif CASE == PRIORITY_MASKED
    /* The interrupt is less urgent than what BASEPRI lets through. */
    NVIC_IPR(IRQ_IPCC_RX1) = 0x80;
    __asm__ volatile("msr basepri, %0" : : "r"(0x40) : "memory");
#elif CASE == MAILBOX_OFF
    IPCC_C2CR &= ~IPCC_C2CR_RXOIE;
#elif CASE == SLEEPS_MASKED
    cpu_disable_interrupts();
    for (;;) {
        cpu_wait_for_interrupt();
    }
#endif
#if CASE == RINGS_ELSEWHERE
    while ((resource_table.vdev.status & VIRTIO_STATUS_DRIVER_OK) == 0) {
    }
    /* Where the rings were in an older memory map. */
    vring_init(&to_linux, 0x10048000u, 16, 16);
    vring_init(&from_linux, 0x10049000u, 16, 16);
#else
    rpmsg_init();
#endif
    rpmsg_announce(&tty);
#if CASE == WITHDRAWN
    rpmsg_withdraw(&tty);
#endif
#if CASE == NO_RECEIVE_BUFFERS
    send_torn_messages();
#endif
    rpmsg_serve();
#endif
}
