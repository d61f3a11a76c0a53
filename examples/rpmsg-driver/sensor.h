// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* What the sensor's three parts agree on: messages between driver and firmware, and the driver's ioctl. */
#ifndef SENSOR_H
#define SENSOR_H

#ifdef __linux__
#include <linux/ioctl.h>
#include <linux/types.h>
#else
/* The firmware has no operating system. */
#include <stdint.h>
typedef uint32_t __le32;
#endif

/* The service that the firmware announces, and by which Linux finds the driver. */
#define SENSOR_SERVICE "example-sensor"

/* What can be asked for. */
enum sensor_channel {
	SENSOR_TEMPERATURE,	/* in thousandths of a degree Celsius */
	SENSOR_REQUESTS,	/* how many requests this sensor has had */
};

enum sensor_status {
	SENSOR_OK,
	SENSOR_NO_CHANNEL,
};

/* To the firmware. Both sides are little-endian; the driver does not rely on it. */
struct sensor_request {
	__le32 sequence;
	__le32 channel;
};

/* Back from it; sequence is the request's. */
struct sensor_answer {
	__le32 sequence;
	__le32 status;
	__le32 value;
};

#ifdef __linux__
/* Of /dev/sensorN. */
struct sensor_reading {
	__u32 channel;		/* in */
	__s32 value;		/* out */
};

#define SENSOR_READ _IOWR('s', 0x40, struct sensor_reading)
#endif

#endif
