// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* What a shell cannot do with /dev/rpmsg_ctrl0 and /dev/rpmsgN: ioctls, reads and writes of one message, poll. In the guest; device.py does
 * the same beside the model. Reads commands from its standard input, a line each, and says what came of them; device.py lists them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/rpmsg.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Headers of a cross compiler may be older than the kernel. */
#ifndef RPMSG_CREATE_DEV_IOCTL
#define RPMSG_CREATE_DEV_IOCTL _IOW(0xb5, 0x3, struct rpmsg_endpoint_info)
#define RPMSG_RELEASE_DEV_IOCTL _IOW(0xb5, 0x4, struct rpmsg_endpoint_info)
#endif

static int handles[26];
static char payload[65536];

static const char *result(long value) { return value < 0 ? strerror(errno) : "ok"; }
static unsigned address(const char *word) { return strcmp(word, "any") == 0 ? 0xFFFFFFFFu : (unsigned)strtoul(word, NULL, 0); }

static const char *control(unsigned long request, char *const *words)
{
    struct rpmsg_endpoint_info info = { .src = 0 };
    if (words[1] != NULL && words[2] != NULL && words[3] != NULL) {
        size_t length = strlen(words[1]);
        memcpy(info.name, words[1], length < sizeof info.name ? length : sizeof info.name);
        info.src = address(words[2]);
        info.dst = address(words[3]);
    }
    int device = open("/dev/rpmsg_ctrl0", O_RDWR);
    if (device < 0) {
        return strerror(errno);
    }
    const char *answer = result(ioctl(device, request, &info));
    close(device);
    return answer;
}

static const char *found(int handle, short events, int milliseconds)
{
    struct pollfd set = { .fd = handle, .events = events };
    if (poll(&set, 1, milliseconds) < 0) {
        return strerror(errno);
    }
    return set.revents & POLLERR ? "error" : set.revents & POLLIN ? "input" : "nothing";
}

static void show(const char *bytes, ssize_t count)
{
    printf("%zd bytes '", count);
    for (ssize_t i = 0; i < count && i < 40; i++) {
        putchar(bytes[i] >= ' ' && bytes[i] < 127 ? bytes[i] : '.');
    }
    printf("'\n");
}

static const char *write_file(const char *path, const char *word)
{
    int file = open(path, O_WRONLY);
    const char *answer = result(file < 0 ? file : write(file, word, strlen(word)));
    if (file >= 0) {
        close(file);
    }
    return answer;
}

static void act(char *const *words)
{
    const char *verb = words[0];
    int *handle = words[1] != NULL ? &handles[(words[1][0] - 'a') % 26u] : handles;
    long number = words[1] != NULL && words[2] != NULL ? strtol(words[2], NULL, 0) : 0;
    if (strcmp(verb, "create") == 0) {
        puts(control(RPMSG_CREATE_EPT_IOCTL, words));
    } else if (strcmp(verb, "channel") == 0) {
        puts(control(RPMSG_CREATE_DEV_IOCTL, words));
    } else if (strcmp(verb, "release") == 0) {
        puts(control(RPMSG_RELEASE_DEV_IOCTL, words));
    } else if (strcmp(verb, "bogus") == 0) {
        puts(control(_IO(0xb5, 0x77), words));
    } else if (strcmp(verb, "open") == 0) {
        snprintf(payload, sizeof payload, "/dev/%s", words[2]);
        int device = open(payload, O_RDWR | O_NONBLOCK);
        puts(result(device));
        if (device >= 0) {
            *handle = device;
        }
    } else if (strcmp(verb, "write") == 0) {
        puts(result(write(*handle, words[2], strlen(words[2]))));
    } else if (strcmp(verb, "fill") == 0) {
        memset(payload, 'x', sizeof payload);
        puts(result(write(*handle, payload, (size_t)number)));
    } else if (strcmp(verb, "read") == 0) {
        ssize_t count = read(*handle, payload, (size_t)number);
        if (count < 0) {
            puts(strerror(errno));
        } else {
            show(payload, count);
        }
    } else if (strcmp(verb, "await") == 0) {
        puts(found(*handle, POLLIN, 5000));
    } else if (strcmp(verb, "poll") == 0) {
        puts(found(*handle, POLLIN, 0));
    } else if (strcmp(verb, "destroy") == 0) {
        puts(result(ioctl(*handle, RPMSG_DESTROY_EPT_IOCTL)));
    } else if (strcmp(verb, "close") == 0) {
        puts(result(close(*handle)));
    } else if (strcmp(verb, "state") == 0) {
        puts(write_file("/sys/class/remoteproc/remoteproc0/state", words[1]));
    } else {
        puts("no such command");
    }
}

int main(void)
{
    char line[1024];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        printf("%s: ", line);
        char *words[8] = { NULL };
        int count = 0;
        for (char *word = strtok(line, " "); word != NULL && count < 7; word = strtok(NULL, " ")) {
            words[count++] = word;
        }
        if (count != 0) {
            act(words);
        }
    }
    return 0;
}
