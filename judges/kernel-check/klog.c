// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The guest's kernel log for kernel-check's scripts, without a program for each step: TCG takes 10 to 25 ms to start one.
 *
 *   klog take FILE                       adds what the log has gained to FILE: the lines that match LOG_OF (environment), without level and time
 *   klog await FILE SECONDS ERE TIMES    takes until FILE has so many lines that match; exit status 1 when the seconds are over
 *   klog settle FILE                     takes until the log has stood still for half a second
 */
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <time.h>
#include <unistd.h>

enum { READ_AND_CLEAR = 4, BUFFER_SIZE = 10 };

static regex_t wanted;
static size_t lines_added;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static void compile(regex_t *expression, const char *text)
{
    if (regcomp(expression, text, REG_EXTENDED | REG_NOSUB) != 0) {
        fprintf(stderr, "klog: no expression: %s\n", text);
        exit(2);
    }
}

/* Behind `<6>[    1.234567] `; NULL for a line that has no time. */
static char *behind_time(char *line)
{
    if (*line == '<') {
        line += strcspn(line, ">");
        line += *line == '>';
    }
    char *end = *line == '[' ? strstr(line, "] ") : NULL;
    return end ? end + 2 : NULL;
}

/* DMA addresses have 64 bits in kernels that are built for boards with such. */
static void shorten(char *line)
{
    static const char before[] = " map memory: 0x00000000";
    char *at = strstr(line, before);
    if (at && strspn(at + sizeof before - 1, "0123456789abcdef") >= 8) {
        at += sizeof before - 1;
        memmove(at - 8, at, strlen(at) + 1);
    }
}

static void take(const char *path)
{
    static char *buffer;
    static int size;
    if (!buffer) {
        size = klogctl(BUFFER_SIZE, NULL, 0);
        buffer = size > 0 ? malloc((size_t)size + 1) : NULL;
        if (!buffer) die("klog");
    }
    int length = klogctl(READ_AND_CLEAR, buffer, size);
    if (length < 0) die("klogctl");
    buffer[length] = 0;
    FILE *file = fopen(path, "a");
    if (!file) die(path);
    for (char *line = strtok(buffer, "\n"); line; line = strtok(NULL, "\n")) {
        char *text = behind_time(line);
        if (!text) continue;
        shorten(text);
        if (regexec(&wanted, text, 0, NULL, 0) != 0) continue;
        fprintf(file, "%s\n", text);
        lines_added++;
    }
    if (fclose(file) != 0) die(path);
}

static long matches(const char *path, const regex_t *expression)
{
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    char *line = NULL;
    size_t room = 0;
    long count = 0;
    for (ssize_t length; (length = getline(&line, &room, file)) > 0;) {
        if (line[length - 1] == '\n') line[length - 1] = 0;
        count += regexec(expression, line, 0, NULL, 0) == 0;
    }
    free(line);
    fclose(file);
    return count;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **words)
{
    const char *log_of = getenv("LOG_OF");
    if (count < 3 || !log_of) {
        fprintf(stderr, "klog: take FILE, await FILE SECONDS ERE TIMES, or settle FILE, with LOG_OF in the environment\n");
        return 2;
    }
    compile(&wanted, log_of);
    const char *path = words[2];
    if (strcmp(words[1], "take") == 0) {
        take(path);
    } else if (strcmp(words[1], "await") == 0 && count == 6) {
        regex_t expression;
        compile(&expression, words[4]);
        double end = now() + atof(words[3]);
        for (take(path); matches(path, &expression) < atol(words[5]); take(path)) {
            if (now() > end) return 1;
            usleep(20000);
        }
    } else if (strcmp(words[1], "settle") == 0) {
        take(path);
        for (double quiet = now(); now() - quiet < 0.5;) {
            size_t before = lines_added;
            usleep(50000);
            take(path);
            if (lines_added != before) quiet = now();
        }
    } else {
        fprintf(stderr, "klog: %s: allowed are take, await and settle\n", words[1]);
        return 2;
    }
    return 0;
}
