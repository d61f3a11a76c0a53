// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* Two sensors that the driver in ../driver asks: as rpmsg services of one name, each at an address of its own. */
#include "ipcc.h"
#include "memory.h"
#include "rpmsg.h"
#include "trace.h"

#include "sensor.h"

/* A channel that this firmware never answers, to see what the driver does then. */
#define CHANNEL_SILENT 99

struct sensor {
    struct rpmsg_endpoint endpoint;
    /* In thousandths of a degree. */
    int32_t coldest;
    uint32_t requests;
};

/* There is nothing to measure with: it gets warmer by an eighth of a degree with each request, eight times. */
static int32_t temperature(const struct sensor *sensor)
{
    return sensor->coldest + 125 * (int32_t)((sensor->requests - 1) % 8);
}

static void receive(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    /* The endpoint is the first member. */
    struct sensor *sensor = (struct sensor *)endpoint;
    struct sensor_request request;
    struct sensor_answer answer = { .status = SENSOR_OK };

    if (length != sizeof request) {
        trace("%x: a request of %u bytes", endpoint->address, length);
        return;
    }
    memcpy(&request, payload, sizeof request);
    sensor->requests++;
    answer.sequence = request.sequence;
    switch (request.channel) {
    case SENSOR_TEMPERATURE:
        answer.value = (uint32_t)temperature(sensor);
        break;
    case SENSOR_REQUESTS:
        answer.value = sensor->requests;
        break;
    case CHANNEL_SILENT:
        trace("%x: request %u gets no answer", endpoint->address, request.sequence);
        return;
    default:
        answer.status = SENSOR_NO_CHANNEL;
    }
    rpmsg_send(endpoint, source, &answer, sizeof answer);
}

static struct sensor sensors[] = {
    { .endpoint = { .name = SENSOR_SERVICE, .address = 0x400, .receive = receive }, .coldest = 21500 },
    { .endpoint = { .name = SENSOR_SERVICE, .address = 0x401, .receive = receive }, .coldest = -2000 },
};

int main(void)
{
    trace("sensor");
    ipcc_init();
    rpmsg_init();
    for (uint32_t i = 0; i < sizeof sensors / sizeof sensors[0]; i++) {
        rpmsg_announce(&sensors[i].endpoint);
    }
    rpmsg_serve();
}
