// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// A child that cannot outlive its parent. posix_spawn has no word for that, so it is fork and what is safe behind it.
#define _GNU_SOURCE
#include "CLinuxBridge.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

// Above every number that a child is given, so that moving one does not overwrite another.
enum { FIRST_SPARE = 64 };

static void set_signals(void) {
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &usual, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void fail(int report) {
    int error = errno;
    ssize_t written = write(report, &error, sizeof error);
    (void)written;
    _exit(127);
}

static _Noreturn void become(char *const argv[], char *const envp[], const int *descriptors, int count, int report, pid_t parent) {
    int moved[FIRST_SPARE];
    int kept = fcntl(report, F_DUPFD_CLOEXEC, FIRST_SPARE);
    if (kept < 0) fail(report);
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail(kept);
    // It may have ended before that was said.
    if (getppid() != parent) _exit(127);
    for (int i = 0; i < count; i++) {
        moved[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, FIRST_SPARE);
        if (moved[i] < 0) fail(kept);
    }
    for (int i = 0; i < count; i++) {
        if (dup2(moved[i], i) < 0) fail(kept);
    }
    // `kept` and what was moved close themselves; what this process inherited may not.
    if (close_range((unsigned)count, FIRST_SPARE - 1, 0) != 0 || close_range(FIRST_SPARE, ~0U, CLOSE_RANGE_CLOEXEC) != 0) fail(kept);
    set_signals();
    execve(argv[0], argv, envp);
    fail(kept);
}

int linux_bridge_spawn(char *const argv[], char *const envp[], const int *descriptors, int count) {
    if (count < 0 || count > FIRST_SPARE) return -EINVAL;
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) return -errno;
    pid_t parent = getpid(), child;
    // No handler of this process may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    child = fork();
    if (child == 0) become(argv, envp, descriptors, count, report[1], parent);
    int error = child < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (child > 0) {
        ssize_t got;
        do got = read(report[0], &error, sizeof error);
        while (got < 0 && errno == EINTR);
        // Its end says nothing: the program runs.
        if (got != sizeof error) error = 0;
        if (error != 0) while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    }
    close(report[0]);
    return error != 0 ? -error : child;
}
