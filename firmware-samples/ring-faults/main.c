// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* An rpmsg-tty echo that breaks a rule of virtio or rpmsg for each word it is sent, and can do so at random. README.md lists
 * the words. It needs the rings that rpmsg.c keeps to itself. */
#include "../common/rpmsg.c"

static struct header *message_in(const struct vring_buffer *buffer) { return (struct header *)(uintptr_t)buffer->address; }

static volatile struct vring_descriptor *descriptors(struct vring *ring) { return (volatile struct vring_descriptor *)ring->descriptors; }
static volatile struct vring_available *available(struct vring *ring) { return (volatile struct vring_available *)ring->available; }

/* A whole message of the caller's making, given back with a length of its choice. */
static void send_raw(struct header header, const void *payload, uint32_t bytes, uint32_t length, bool kick)
{
    struct vring_buffer buffer;
    take_buffer(&buffer);
    *message_in(&buffer) = header;
    memcpy(message_in(&buffer) + 1, payload, bytes);
    vring_give_back(&to_linux, buffer.id, length);
    if (kick) {
        ipcc_ring(IPCC_VQ0);
    }
}

static uint32_t peer;
static struct header to_peer(uint32_t source) { return (struct header){ .source = source, .destination = peer, .length = 4 }; }

static void fault_descriptor(void) { descriptors(&to_linux)[3].length = 1024; }
static void fault_next(void)
{
    for (uint32_t i = 0; i < to_linux.num; i++) {
        descriptors(&to_linux)[i].flags |= 1;
    }
    send_raw(to_peer(0x400), "next", 4, 20, true);
}
static void fault_available(void) { available(&to_linux)->ring[5] = 11; }
/* One more than the message at hand will add. */
static void fault_back(void) { from_linux.used->index -= 2; }
static void fault_beyond(void) { from_linux.used->index += 20; }
static void fault_id(void) { vring_give_back(&from_linux, 99, 0); }
static void fault_twice(void) { vring_give_back(&from_linux, 0, 0); }
static void fault_never(void) { vring_give_back(&from_linux, 15, 0); }
static void fault_long(void) { send_raw(to_peer(0x400), "long", 4, 600, true); }
static void fault_short(void) { send_raw(to_peer(0x400), "short", 5, 18, true); }
static void fault_leak(void)
{
    struct vring_buffer lost;
    take_buffer(&lost);
    send_raw(to_peer(0x400), "leak", 4, 20, true);
}
static void fault_no_kick(void)
{
    /* Linux is done with the kick before: it would find this message with that. */
    for (volatile unsigned round = 0; round < 20000; ++round) {
    }
    send_raw(to_peer(0x400), "lost", 4, 20, false);
}
static void fault_kick(void)
{
    ipcc_ring(IPCC_VQ0);
    ipcc_ring(IPCC_VQ0);
}
static void fault_deaf(void) { nvic_disable(IRQ_IPCC_RX1); }
static void fault_late(void)
{
    struct vring_buffer buffer;
    take_buffer(&buffer);
    *message_in(&buffer) = to_peer(0x400);
    memcpy(message_in(&buffer) + 1, "late", 4);
    vring_give_back(&to_linux, buffer.id, 20);
    ipcc_ring(IPCC_VQ0);
    *(volatile char *)(message_in(&buffer) + 1) = 'L';
}
static volatile char *received;
static void fault_scribble(void) { received[1] = 'X'; }
static void fault_hosts(void) { *(volatile uint32_t *)(uintptr_t)(SHARED_MEMORY_START + 0x2000 + 31 * 512 + 8) = 0xDEAD; }
static void fault_status(void) { resource_table.vdev.status = 0; }
static void fault_features(void) { resource_table.vdev.guest_features = 0x30000001; }
static void fault_address(void) { resource_table.vdev.vring[1].device_address = 0x10050000; }
static void fault_reserved(void)
{
    struct header header = to_peer(0x400);
    header.reserved = 7;
    send_raw(header, "resv", 4, 20, true);
}
static void fault_flags(void)
{
    struct header header = to_peer(0x400);
    header.flags = 3;
    send_raw(header, "flag", 4, 20, true);
}
static void fault_source(void) { send_raw(to_peer(0), "null", 4, 20, true); }
static void fault_stranger(void) { send_raw(to_peer(0x777), "who?", 4, 20, true); }

static void announce_raw(const char *name, uint32_t length, uint32_t address, uint32_t flags, uint16_t size)
{
    struct name_service_message message = { .address = address, .flags = flags };
    memcpy(message.name, name, length);
    struct header header = { .source = 0x400, .destination = NAME_SERVICE_ADDRESS, .length = size };
    send_raw(header, &message, sizeof message, sizeof header + size, true);
}
static void fault_ns_size(void) { announce_raw("size", 5, 0x500, 0, 36); }
static void fault_ns_name(void) { announce_raw("a-name-of-thirty-two-characters!", 32, 0x501, 0, 40); }
static void fault_ns_flags(void) { announce_raw("flags", 6, 0x502, 4, 40); }
static void fault_ns_address(void) { announce_raw("address", 8, NAME_SERVICE_ADDRESS, 0, 40); }
static void fault_ns_twice(void) { announce_raw("rpmsg-tty", 10, 0x400, 0, 40); }

static const struct {
    const char *word;
    void (*fault)(void);
} faults[] = {
    { "descriptor", fault_descriptor },
    { "next", fault_next },
    { "available", fault_available },
    { "back", fault_back },
    { "beyond", fault_beyond },
    { "id", fault_id },
    { "twice", fault_twice },
    { "never", fault_never },
    { "long", fault_long },
    { "short", fault_short },
    { "leak", fault_leak },
    { "no-kick", fault_no_kick },
    { "kick", fault_kick },
    { "deaf", fault_deaf },
    { "late", fault_late },
    { "scribble", fault_scribble },
    { "hosts", fault_hosts },
    { "status", fault_status },
    { "features", fault_features },
    { "address", fault_address },
    { "reserved", fault_reserved },
    { "flags", fault_flags },
    { "source", fault_source },
    { "stranger", fault_stranger },
    { "ns-size", fault_ns_size },
    { "ns-name", fault_ns_name },
    { "ns-flags", fault_ns_flags },
    { "ns-address", fault_ns_address },
    { "ns-twice", fault_ns_twice },
};

/* xorshift32: a seed other than 0 gives the same garbage everywhere. */
static uint32_t state;
static uint32_t random32(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void seed(const char *digits, uint32_t count)
{
    state = 0;
    for (uint32_t i = 0; i < count; i++) {
        state = state * 10 + (uint32_t)(digits[i] - '0');
    }
    state = state * 2654435761u + 1;
}

static void poke(uint32_t address, uint32_t value, uint32_t width)
{
    switch (width & 3) {
    case 0:
        *(volatile uint8_t *)(uintptr_t)address = (uint8_t)value;
        break;
    case 1:
        *(volatile uint16_t *)(uintptr_t)(address & ~1u) = (uint16_t)value;
        break;
    default:
        *(volatile uint32_t *)(uintptr_t)(address & ~3u) = value;
        break;
    }
}

/* Garbage where Linux looks: more often where it matters, small numbers more often than large ones. */
static void write_garbage(void)
{
    for (uint32_t writes = random32() % 8; writes != 0; writes--) {
        uint32_t value = random32() % 3 ? random32() % 40 : random32(), pick = random32() % 100, at = random32();
        if (pick < 15) {
            to_linux.used->index += (uint16_t)(value % 5);
        } else if (pick < 25) {
            from_linux.used->index += (uint16_t)(value % 5);
        } else if (pick < 45) {
            poke((uint32_t)(uintptr_t)to_linux.used + 4 + at % 128, value, at >> 8);
        } else if (pick < 55) {
            poke((uint32_t)(uintptr_t)from_linux.used + at % 132, value, at >> 8);
        } else if (pick < 65) {
            poke(SHARED_MEMORY_START + at % 0x2000, value, at >> 16);
        } else if (pick < 92) {
            poke(SHARED_MEMORY_START + 0x2000 + at % 32 * 512 + (at >> 8) % 60, random32() % 2 ? value : NAME_SERVICE_ADDRESS, at >> 16);
        } else {
            poke((uint32_t)(uintptr_t)&resource_table + at % sizeof resource_table, value, at >> 16);
        }
    }
}

static void garbage(uint32_t rounds)
{
    for (uint32_t round = 0; round < rounds; round++) {
        write_garbage();
        IPCC_C2SCR = (random32() & 0x3F0000) | (random32() & 0x3F);
        for (volatile uint32_t pause = random32() % 300; pause != 0; pause--) {
        }
    }
}

static volatile bool elapsed;
void SysTick_Handler(void)
{
    SYST_CSR = 0;
    elapsed = true;
}

/* Asleep: what runs beside this is not to be kept from the host's processor. */
static void wait(uint32_t milliseconds)
{
    for (; milliseconds != 0; milliseconds--) {
        elapsed = false;
        SYST_RVR = 208878 - 1;
        SYST_CVR = 0;
        SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_TICKINT | SYST_CSR_ENABLE;
        while (!elapsed) {
            cpu_disable_interrupts();
            if (!elapsed) {
                cpu_wait_for_interrupt();
            }
            cpu_enable_interrupts();
        }
    }
}

/* Until Linux has answered the doorbells, and has had time for what they have it do; not for ever, should Linux be past answering. */
static void wait_for_linux(void)
{
    for (uint32_t patience = 500; patience != 0 && (IPCC_C2TOC1SR & 3) != 0; patience--) {
        wait(1);
    }
    wait(30);
}

static void clear_next(struct vring *ring)
{
    for (uint32_t i = 0; i < ring->num; i++) {
        descriptors(ring)[i].flags &= (uint16_t)~1u;
    }
}

/* The same while Linux does nothing, with time for it to have its say: two Linuxes see the same. Without NEXT, at which a kernel walks on. */
__attribute__((noreturn)) static void calm_garbage(uint32_t rounds)
{
    wait_for_linux();
    /* What earlier firmware has left in Linux's input buffers would count, too. */
    memset((void *)(SHARED_MEMORY_START + 0x2000), 0, 16 * 512);
    for (uint32_t round = 0; round < rounds; round++) {
        write_garbage();
        clear_next(&to_linux);
        clear_next(&from_linux);
        ipcc_ring(IPCC_VQ0);
        ipcc_ring(IPCC_VQ1);
        wait_for_linux();
    }
    trace("calm again");
    while (!ipcc_take(IPCC_SHUTDOWN)) {
        (void)ipcc_take(IPCC_VQ0);
        (void)ipcc_take(IPCC_VQ1);
        ipcc_wait();
    }
    shut_down();
}

/* Thirty messages, and no doorbell is answered before the last of them: as many as Linux rings for the buffers that it gives back. */
static void full_mailbox(void)
{
    wait(30);
    nvic_disable(IRQ_IPCC_RX1);
    vring_request_notifications(&to_linux, true);
    for (uint32_t i = 0; i < 30; i++) {
        uint16_t before = available(&to_linux)->index;
        send_raw(to_peer(0x400), "full", 4, 20, true);
        /* One at a time: Linux rings for as many as it finds at once. */
        while (available(&to_linux)->index == before) {
        }
        wait(10);
    }
    nvic_enable(IRQ_IPCC_RX1);
    wait(100);
    vring_request_notifications(&to_linux, false);
    trace("full no more");
}

/* More than any tty keeps, in messages that tell which they are. */
static void flood(void)
{
    static char text[480];
    for (uint32_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + i % 26);
    }
    text[sizeof text - 1] = '\n';
    for (uint32_t n = 0; n < 3500; n++) {
        for (uint32_t i = 0, rest = n; i < 6; i++, rest /= 10) {
            text[5 - i] = (char)('0' + rest % 10);
        }
        struct header header = to_peer(0x400);
        header.length = sizeof text;
        send_raw(header, text, sizeof text, sizeof header + sizeof text, true);
    }
    trace("flooded");
}

static void receive(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    const char *text = payload;
    rpmsg_send(endpoint, source, payload, length);
    while (length != 0 && (text[length - 1] == '\n' || text[length - 1] == '\r')) {
        length--;
    }
    peer = source;
    received = (volatile char *)(uintptr_t)text;
    if (length > 7 && memcmp(text, "random ", 7) == 0) {
        seed(text + 7, length - 7);
        garbage(60);
        return;
    }
    if (length > 5 && memcmp(text, "calm ", 5) == 0) {
        seed(text + 5, length - 5);
        calm_garbage(8);
    }
    if (length == 4 && memcmp(text, "full", 4) == 0) {
        full_mailbox();
        return;
    }
    if (length == 5 && memcmp(text, "flood", 5) == 0) {
        flood();
        return;
    }
    for (uint32_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        uint32_t n = 0;
        while (n < length && faults[i].word[n] == text[n]) {
            n++;
        }
        if (n == length && faults[i].word[n] == 0) {
            trace("about to %s", faults[i].word);
            faults[i].fault();
        }
    }
}

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = receive };

int main(void)
{
    trace("ring-faults");
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty);
    rpmsg_serve();
}
