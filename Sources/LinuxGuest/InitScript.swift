/// What the guest does from the kernel's first process on: a shell script for busybox.
///
/// It tells the host over a port of its own, which nothing that a program prints can reach: lines of
///     module NAME        a driver that did not load
///     ready RELEASE      what can be set up is
///     exit STATUS        the shell's or the script's, at its end
///     reboot             a reboot follows, by busybox' reboot
struct InitScript {
    /// Drivers in the order of loading, the port's first.
    let modules: [String]
    let hasScript: Bool
    /// A folder of the host's is mounted at /mnt/host.
    let hasShare: Bool

    static let controlPort = "m4run.control", outputPort = "m4run.output", shareTag = "m4run.share"
    static let scriptPath = "m4run/script", modulesPath = "m4run/modules"

    var text: String {
        """
        #!/bin/busybox sh
        export PATH=/sbin:/bin:/usr/sbin:/usr/bin HOME=/root
        # The kernel's own word, where its command line has none.
        [ "$TERM" != linux ] || TERM=vt100
        /bin/busybox mkdir -p /proc /sys /dev /run /tmp /root /mnt/host /sbin /usr/bin /usr/sbin /etc
        /bin/busybox --install -s
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
        \(hasShare ? "mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 \(Self.shareTag) /mnt/host || echo 'module 9p' >&9" : ":")
        echo "ready $(uname -r)" >&9
        \(hasScript ? script : shell)
        echo "exit $status" >&9
        exec 9>&-
        poweroff -f
        """ + "\n"
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
