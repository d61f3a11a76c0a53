# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# Stops, starts, crashes and recovers firmware ROUNDS times in one guest, with changing images and modules that go and come. In the guest.
# Each step is looked at: traffic runs behind it, every byte checked.
rounds=$(cat /root/rounds)
control=/sys/class/remoteproc/remoteproc0
debug=/sys/kernel/debug/remoteproc/remoteproc0
images='tty-echo crasher tty-echo-st-layout sensor swift-echo'

fail() {
    echo "round $round, $image: $*"
    echo "state $(cat $control/state), devices: $(ls -d /sys/bus/rpmsg/devices/* /dev/ttyRPMSG* | tr '\n' ' ')"
    dmesg | tail -n 30
    exit 1
}
# Until the command succeeds; 20 s at most.
wait_for() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || fail "waited in vain for: $*"
        usleep 50000
    done
}
is_up() { dmesg | grep -q 'remote processor m4 is now up' && [ "$(cat $control/state)" = running ]; }
# Takes the kernel's log, to see what is new in the next step.
take_log() { dmesg -c >>/root/log; }
# Of ttys the first. That is not always ttyRPMSG0: behind a crash the driver may be bound before the last close of the old tty is through, which then
# still has that number.
device() { if [ $image = sensor ]; then echo /dev/sensor0; else ls /dev/ttyRPMSG* 2>/dev/null | head -n1; fi; }
is_there() { [ -c "$(device)" ]; }
traffic() {
    wait_for is_there
    case $(device) in /dev/ttyRPMSG[1-9]*) moves=$((moves + 1)) ;; esac
    if [ $image = sensor ]; then
        [ "$(sensor /dev/sensor0 requests 20 | tail -n1)" = "20 requests" ] || fail 'the sensor does not answer'
    else
        echoes $(device) 20 $round >/tmp/traffic 2>&1 || fail "$(cat /tmp/traffic)"
    fi
}
# A tty lets go of its driver's module a moment behind its last close.
reload() {
    wait_for rmmod $1
    insmod $2/$1.ko || fail "insmod $1"
}

echo stop >$control/state 2>/dev/null
round=0 crashes=0 reloads=0 moves=0
while [ $round -lt $rounds ]; do
    round=$((round + 1))
    image=$(echo $images | cut -d' ' -f$((round % 5 + 1)))
    take_log
    echo $image.elf >$control/firmware || fail 'the name is refused'
    echo start >$control/state || fail 'no start'
    traffic
    # How it crashes: by debugfs, by its own watchdog, or by a fault which somebody tells Linux of.
    take_log
    if [ $image = crasher ]; then
        exec 3<>$(device)
        stty raw -echo <&3
        if [ $((round / 5 % 2)) = 0 ]; then
            echo watchdog >&3
        else
            echo hardfault >&3
            usleep 100000
            echo 1 >$debug/crash
        fi
        exec 3>&-
    else
        echo 1 >$debug/crash || fail 'no crash'
    fi
    wait_for is_up
    crashes=$((crashes + 1))
    traffic
    if [ $((round % 3)) = 0 ]; then
        if [ $image = sensor ]; then
            rmmod rpmsg_sensor && insmod /m4run/own/rpmsg_sensor.ko || fail 'reload of rpmsg_sensor'
            wait_for test -c /dev/sensor0
            sensor /dev/sensor0 requests >/dev/null || fail 'the sensor does not answer behind the reload'
        else
            reload rpmsg_tty /m4run/modules
            traffic
        fi
        reloads=$((reloads + 1))
    fi
    echo stop >$control/state || fail 'no stop'
    [ "$(cat $control/state)" = offline ] || fail 'not offline behind the stop'
    if [ $((round % 7)) = 0 ]; then
        rmmod stm32_rproc && rmmod stm32_ipcc && insmod /m4run/modules/stm32_ipcc.ko && insmod /m4run/modules/stm32_rproc.ko || fail 'reload of stm32_rproc'
        wait_for test -e $control/state
        reloads=$((reloads + 1))
    fi
done
take_log
if grep -E 'BUG|WARNING|Oops|Call trace' /root/log; then fail 'the kernel complains'; fi
echo "$rounds rounds, $crashes crashes and recoveries, $reloads reloads of modules, $moves ttys of another number than 0"
