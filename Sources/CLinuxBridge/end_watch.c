// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// A process that puts in order what another leaves when it is killed: a terminal's settings, and a socket's name.
#define _GNU_SOURCE
#include "CLinuxBridge.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { FIRST_SPARE = 3 };

// What is safe behind fork in a process with threads: system calls, and nothing else.
static _Noreturn void watch(int life, int terminal, const struct termios *before, const struct termios *during, const char *path, const struct stat *file) {
    // It must not end with the one it looks after. Nor may it wait where a terminal's settings are changed from the background.
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    for (int number = 1; number < NSIG; number++) sigaction(number, &ignored, NULL);
    setpgid(0, 0);
    int kept = fcntl(life, F_DUPFD, FIRST_SPARE), tty = terminal < 0 ? -1 : fcntl(terminal, F_DUPFD, FIRST_SPARE);
    if (kept < 0 || (terminal >= 0 && tty < 0)) _exit(1);
    for (int number = 0; number < FIRST_SPARE; number++) close(number);
    int low = tty < 0 || kept < tty ? kept : tty, high = tty > kept ? tty : kept;
    if (low > FIRST_SPARE) close_range(FIRST_SPARE, (unsigned)low - 1, 0);
    if (high > low + 1) close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    close_range((unsigned)high + 1, ~0U, 0);
    char word;
    ssize_t got;
    do got = read(kept, &word, 1);
    while (got < 0 && errno == EINTR);
    // A word says that all is in order.
    if (got != 0) _exit(0);
    struct termios now;
    // Who has changed it since, as a shell does, knows better.
    if (tty >= 0 && tcgetattr(tty, &now) == 0 && now.c_lflag == during->c_lflag && now.c_iflag == during->c_iflag && now.c_oflag == during->c_oflag)
        tcsetattr(tty, TCSANOW, before);
    struct stat there;
    if (path && lstat(path, &there) == 0 && there.st_dev == file->st_dev && there.st_ino == file->st_ino) unlink(path);
    _exit(0);
}

int linux_bridge_watch_end(int terminal, const struct termios *before, const struct termios *during, const char *path, int *process) {
    int life[2];
    struct stat file;
    if (path && lstat(path, &file) != 0) return -errno;
    if (pipe2(life, O_CLOEXEC) != 0) return -errno;
    sigset_t all, mask;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    pid_t child = fork();
    if (child == 0) {
        close(life[1]);
        watch(life[0], terminal, before, during, path, &file);
    }
    int error = child < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    close(life[0]);
    if (error) {
        close(life[1]);
        return -error;
    }
    *process = child;
    return life[1];
}

void linux_bridge_dismiss(int life, int process) {
    ssize_t written;
    do written = write(life, "", 1);
    while (written < 0 && errno == EINTR);
    close(life);
    while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {}
}
