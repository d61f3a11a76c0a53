import Foundation
import LinuxGuest
import Testing

@Suite(.needsQEMU, .needsBridge, .serialized) struct GuestTests {
    @Test(.needsLinux("bookworm")) func bookworm() throws {
        var configuration = try Guests.configuration("bookworm", script: """
            echo -n "$(cat /sys/class/remoteproc/remoteproc0/name) $(cat /sys/class/remoteproc/remoteproc0/state); "
            echo echo.elf > /sys/class/remoteproc/remoteproc0/firmware
            echo start > /sys/class/remoteproc/remoteproc0/state; echo $?
            cat /sys/class/remoteproc/remoteproc0/state
            echo stop > /sys/class/remoteproc/remoteproc0/state; echo $?
            exit 7
            """)
        configuration.extraFiles = [GuestFile("lib/firmware/echo.elf", try Guests.firmware("tty-echo"))]
        let guest = try Guest(configuration)
        let board = RecordingBoard(guest.memory)
        let start = Date()
        let running = try guest.start()
        print("started", Date().timeIntervalSince(start))
        let console = Collector(running.console)
        let output = Collector(running.output ?? -1)
        while running.reports().isEmpty, running.processNumber != nil { usleep(1000) }
        print("ready", Date().timeIntervalSince(start))
        let ending = running.wait(milliseconds: 60000)
        if ending == nil { running.kill() }
        print(console.whole())
        print(output.text)
        print(board.stores)
        print("end", ending as Any, Date().timeIntervalSince(start))
    }
}
