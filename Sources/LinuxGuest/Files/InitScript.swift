// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What the guest does from the kernel's first process on: a shell script for busybox.
///
/// It tells the host over a port of its own, which nothing that a program prints can reach: lines of
///     module NAME        a driver that did not load
///     driver NAME        one that the kernel does not have, loaded or built in
///     ready RELEASE      what can be set up is
///     exit STATUS        the shell's or the script's, at its end
///     reboot             a reboot follows, by busybox' reboot
struct InitScript {
    /// Drivers in the order of loading, the port's first.
    let modules: [String]
    let hasScript: Bool
    /// A folder of the host's is mounted at /mnt/host.
    let hasShare: Bool
    /// A second terminal has a shell of its own.
    let hasTerminal: Bool
    /// The root file system is another's, in which ours are put.
    let isBeside: Bool

    static let controlPort = "m4run.control", outputPort = "m4run.output", shareTag = "m4run.share"
    static let scriptPath = "m4run/script", modulesPath = "m4run/modules", rootPath = "m4run/root", busyboxPath = "m4run/busybox"
    /// Without these nothing starts the M4, or talks to it; by their folders in /sys/bus.
    static let drivers = ["platform/drivers/stm32-ipcc", "platform/drivers/stm32-rproc", "virtio/drivers/virtio_rpmsg_bus", "rpmsg/drivers/rpmsg_tty"]

    var text: String {
        """
        #!\(busybox) sh
        export PATH=\(isBeside ? "/sbin:/bin:/usr/sbin:/usr/bin:/m4run/bin" : "/sbin:/bin:/usr/sbin:/usr/bin") HOME=/root
        # The kernel's own word, where its command line has none.
        [ "$TERM" != linux ] || TERM=vt100
        \(busybox) mkdir -p /proc /sys /dev /run /tmp /root /mnt/host /sbin /usr/bin /usr/sbin /etc
        \(isBeside ? besideInstall : "\(busybox) --install -s")
        mount -t proc proc /proc
        mount -t sysfs sysfs /sys
        mount -t devtmpfs devtmpfs /dev
        mkdir -p /dev/pts
        mount -t devpts devpts /dev/pts
        mount -t tmpfs tmpfs /tmp
        mount -t debugfs debugfs /sys/kernel/debug
        hostname m4run
        trap 'sync; poweroff -f' USR1 USR2
        trap 'echo reboot >&9; sync; reboot -f' TERM
        failed=
        for module in \(modules.joined(separator: " ")); do
            insmod /\(Self.modulesPath)/$module.ko || failed="$failed $module"
        done
        # The ports appear when the host has told of them.
        tries=0
        while ! grep -qsx \(Self.controlPort) /sys/class/virtio-ports/*/name && [ $tries -lt 100 ]; do usleep 20000; tries=$((tries + 1)); done
        for port in /sys/class/virtio-ports/*; do
            case $(cat $port/name 2>/dev/null) in
                \(Self.controlPort)) control=/dev/${port##*/} ;;
                \(Self.outputPort)) output=/dev/${port##*/} ;;
            esac
        done
        exec 9>${control:-/dev/null}
        for module in $failed; do echo "module $module" >&9; done
        for driver in \(Self.drivers.joined(separator: " ")); do [ -d /sys/bus/$driver ] || echo "driver ${driver##*/}" >&9; done
        \(hasShare ? "mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 \(Self.shareTag) /mnt/host || echo 'module 9p' >&9" : ":")
        echo "ready $(uname -r)" >&9
        \(hasTerminal ? secondTerminal : ":")
        \(hasScript ? script : shell)
        echo "exit $status" >&9
        exec 9>&-
        poweroff -f
        """ + "\n"
    }

    private var busybox: String { isBeside ? "/\(Self.busyboxPath)" : "/bin/busybox" }

    // Its programs come first; ours are there for what it has not.
    private var besideInstall: String {
        """
        \(busybox) mkdir -p /m4run/bin /m4run/root /bin
            \(busybox) --install -s /m4run/bin
            [ -e /bin/sh ] || ln -s /\(Self.busyboxPath) /bin/sh
            (cd /m4run/root && find . -type d) | while IFS= read -r folder; do mkdir -p "/$folder"; done
            (cd /m4run/root && find . ! -type d) | while IFS= read -r file; do
                mkdir -p "/${file%/*}"
                mv -f "/m4run/root/$file" "/$file"
            done
        """
    }

    // Not by cttyhack, which takes the kernel's own console. As a serial line has one: whoever connects finds the shell as it was left, and a new one behind its end.
    private var secondTerminal: String {
        "start-stop-daemon -S -b -x /bin/sh -- -c 'unset LINES COLUMNS; export PS1=\"m4run:\\w# \"; cd /root; while [ -c /dev/hvc0 ]; do"
            + " (exec setsid -c sh -i) </dev/hvc0 >/dev/hvc0 2>&1; usleep 200000; done' 9>&-"
    }

    // Behind `wait`, so that what busybox's poweroff and reboot send to the first process is heard at once.
    private var script: String {
        """
        (exec 9>&-; cd /root; exec sh /\(Self.scriptPath)) </dev/null >${output:-/dev/console} 2>&1 &
        wait $!
        status=$?
        """
    }

    private var shell: String {
        """
        cd /root
        [ -z "$LINES" ] || stty rows $LINES columns ${COLUMNS:-80} </dev/ttyAMA0
        # A shell's own background ignores Ctrl-C, and so would all that it starts; a daemon's does not.
        mkfifo /run/end
        start-stop-daemon -S -b -x /bin/sh -- -c 'unset LINES COLUMNS; (exec setsid cttyhack sh -l) </dev/ttyAMA0 >/dev/ttyAMA0 2>&1; echo $? >/run/end' 9>&-
        cat /run/end >/run/status &
        wait $!
        read status </run/status
        """
    }
}
