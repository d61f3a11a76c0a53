# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

# Boots until it has booted as often as /root/reboots says, with traffic each time. In the guest.
tries=0
while [ ! -c /dev/ttyRPMSG0 ] && [ $tries -lt 200 ]; do usleep 50000; tries=$((tries + 1)); done
echoes /dev/ttyRPMSG0 20 $M4RUN_BOOT >/tmp/traffic 2>&1 || { echo "boot $M4RUN_BOOT: $(cat /tmp/traffic)"; exit 1; }
if [ "$M4RUN_BOOT" -gt "$(cat /root/reboots)" ]; then
    echo "$((M4RUN_BOOT - 1)) reboots"
    exit 0
fi
reboot
sleep 60
echo "boot $M4RUN_BOOT: the guest does not reboot"
exit 1
