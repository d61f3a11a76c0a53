// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* Asks a sensor for a value: sensor DEVICE temperature|requests|NUMBER [TIMES [MILLISECONDS]] */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sensor.h"

static int number(const char *text, unsigned long most, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return errno == 0 && end != text && *end == 0 && *value <= most;
}

static void print(const struct sensor_reading *reading)
{
	int magnitude = abs(reading->value);

	switch (reading->channel) {
	case SENSOR_TEMPERATURE:
		printf("%s%d.%03d °C\n", reading->value < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
		break;
	case SENSOR_REQUESTS:
		printf("%u requests\n", (unsigned)reading->value);
		break;
	default:
		printf("%d\n", reading->value);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sensor_reading reading = { 0 };
	unsigned long channel = 0, times = 1, pause = 0;

	if (argc < 3 || argc > 5 || (argc > 3 && !number(argv[3], 1000000, &times)) || (argc > 4 && !number(argv[4], 60000, &pause)))
		goto usage;
	if (strcmp(argv[2], "temperature") == 0)
		channel = SENSOR_TEMPERATURE;
	else if (strcmp(argv[2], "requests") == 0)
		channel = SENSOR_REQUESTS;
	else if (!number(argv[2], 0xFFFFFFFF, &channel))
		goto usage;

	int device = open(argv[1], O_RDWR | O_CLOEXEC);
	if (device < 0) {
		fprintf(stderr, "sensor: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	for (unsigned long i = 0; i < times; i++) {
		if (i > 0)
			usleep(pause * 1000);
		reading.channel = channel;
		if (ioctl(device, SENSOR_READ, &reading) != 0) {
			fprintf(stderr, "sensor: %s: %s\n", argv[2], strerror(errno));
			return 1;
		}
		print(&reading);
	}
	return 0;
usage:
	fprintf(stderr, "usage: sensor DEVICE temperature|requests|NUMBER [TIMES [MILLISECONDS]]\n");
	return 2;
}
