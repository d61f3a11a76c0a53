// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Writes messages to a tty of firmware that echoes, one at a time, and reads each back: every byte is checked and every round trip timed.
 *
 *   echoes DEVICE COUNT [SEED]
 *
 * Lengths and bytes are random by the seed, from 1 byte to the most that one rpmsg message carries. Prints a line; status 1 when a byte was lost or
 * wrong, or when more came than was sent. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* A buffer of 512 bytes less rpmsg's header. */
#define MOST 496
/* An echo that takes longer, in milliseconds, does not come. */
#define PATIENCE 10000

static uint64_t state;

/* SplitMix64. */
static uint64_t next_random(void)
{
	uint64_t value = state += 0x9E3779B97F4A7C15;

	value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
	value = (value ^ value >> 27) * 0x94D049BB133111EB;
	return value ^ value >> 31;
}

static uint32_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

static int ascending(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

static void fail(unsigned long message, const char *what)
{
	fprintf(stderr, "echoes: message %lu: %s\n", message, what);
	exit(1);
}

/* Whether something comes within the time. */
static int comes(int tty, int milliseconds)
{
	struct pollfd entry = { .fd = tty, .events = POLLIN };

	return poll(&entry, 1, milliseconds) > 0;
}

int main(int argc, char **argv)
{
	static uint8_t sent[MOST], received[MOST];
	struct termios settings;
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t bytes = 0, total = 0;

	if (argc < 3 || count == 0) {
		fprintf(stderr, "usage: echoes DEVICE COUNT [SEED]\n");
		return 2;
	}
	state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	int tty = open(argv[1], O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0 || tcgetattr(tty, &settings) != 0) {
		fprintf(stderr, "echoes: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	cfmakeraw(&settings);
	tcsetattr(tty, TCSANOW, &settings);
	tcflush(tty, TCIFLUSH);
	uint32_t *times = malloc(count * sizeof *times);
	if (!times)
		fail(0, "no memory");

	for (unsigned long i = 0; i < count; i++) {
		size_t length = 1 + next_random() % MOST, got = 0;

		for (size_t j = 0; j < length; j++)
			sent[j] = (uint8_t)next_random();
		uint32_t start = microseconds();
		ssize_t written = write(tty, sent, length);
		if (written != (ssize_t)length)
			fail(i, written < 0 ? strerror(errno) : "a part of it was written");
		while (got < length) {
			if (!comes(tty, PATIENCE))
				fail(i, "bytes are lost");
			ssize_t piece = read(tty, received + got, length - got);
			if (piece <= 0)
				fail(i, piece < 0 ? strerror(errno) : "the tty has ended");
			got += (size_t)piece;
		}
		times[i] = microseconds() - start;
		if (memcmp(sent, received, length) != 0)
			fail(i, "bytes are wrong");
		total += times[i];
		bytes += length;
	}
	if (comes(tty, 100))
		fail(count, "more came than was sent");
	qsort(times, count, sizeof *times, ascending);
	printf("%lu echoes, %llu bytes, none lost or wrong; round trip in us: mean %llu, median %u, 99 %% %u, most %u\n", count,
	       (unsigned long long)bytes, (unsigned long long)(total / count), times[count / 2], times[count * 99 / 100], times[count - 1]);
	return 0;
}
