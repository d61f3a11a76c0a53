// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceFiles
import FoundationEssentials
import Glibc
import M4Board
import MachineBase
import Synchronization

/// Ends a command at its --timeout, or at a signal, whatever it is doing then.
///
/// The machine is asked to come back, and the command then ends in order: complaint, report, links and mounts taken away. What does not
/// come back in time (a read that blocks, a file system that hangs, an image that takes seconds to verify) ends with the process, which
/// first takes away what is in `Leavings`. Nothing here decides what a machine does, only how long it may.
enum Supervisor {
    /// Why the command ends before it would have by itself.
    enum Cut: Equatable {
        case timeout(String)
        case signal(Int32)
        /// A served run was asked to end by this signal, and the firmware's stop took too long.
        case slowStop(Int32)
    }

    /// What signals are to a command.
    enum Signals {
        /// They end it, as ever.
        case unhandled
        /// The first ends the machine's run; the command then reports, and ends by the signal.
        case end
        /// Somebody else sees the first, and ends in order.
        case handled
    }

    /// Nanoseconds behind a cut in which a command can end in order, and at which the process ends all the same.
    static let orderly: UInt64 = 300_000_000
    private static let lastMoment: UInt64 = 380_000_000
    /// The same behind a signal, which nobody has set a time for.
    private static let lastMomentOfSignal: UInt64 = 2_000_000_000
    /// What is left then for last words.
    private static let grace: UInt64 = 80_000_000
    /// What a served run has to stop its firmware after a signal.
    private static let stopTime: UInt64 = 5_000_000_000
    /// How long an open may take that does not wait for somebody.
    private static let patienceWithBlocked: UInt64 = 30_000_000
    /// Between two calls to the machine.
    private static let insistence: UInt64 = 5_000_000

    private struct State {
        var cut: Cut?
        var cutAt: UInt64 = 0
        var deadline: UInt64?
        /// What is done before there is a machine that could end in order.
        var preparing: String? = "starting"
        /// What the command waits for that may never come; it cannot end in order as long as it does.
        var blocked: String?
        var stopper: RunStopper?
        /// What --json has to print where the command cannot.
        var image: String?
    }
    /// In an object: of a `static let` that is a Mutex itself, Swift 6.3.1's optimizer reads what it was made with.
    private final class Shared: Sendable {
        let state = Mutex(State())
        /// Looked at for every piece of output.
        let isCut = Atomic<Bool>(false)
    }
    private static let shared = Shared()

    /// The signals of this command, once `start` has been told to look after them.
    nonisolated(unsafe) private(set) static var signals: StopSignals?

    /// When the process' own code has begun; before that, a busy computer has taken its time already.
    private static let began = WallTime.now
    static func begin() { _ = began }

    /// Begins; output goes through its own thread from here on.
    ///
    /// - Parameters:
    ///   - timeout: wall time from the process' start; nil for no limit.
    /// - Throws: `UsageError` when the system has no thread for it.
    static func start(_ timeout: VirtualDuration?, _ use: Signals) throws {
        let begin = began
        Console.startWriting()
        if use != .unhandled {
            let signals: StopSignals
            do throws(DeviceFilesError) { signals = try StopSignals(always: use == .end ? [] : [SIGINT, SIGTERM]) } catch {
                throw UsageError(error.description)
            }
            Self.signals = signals
            signals.onFirst { number in signalled(number, use) }
            signals.onUrgent { number in
                guard shared.state.withLock({ $0.preparing }) == nil else { StopSignals.die(number) }
                end(.signal(number), "\(sentence(.signal(number))), at once")
            }
        }
        guard let timeout else { return }
        let (deadline, isNever) = begin.addingReportingOverflow(timeout.time.nanoseconds)
        guard !isNever else { return }
        shared.state.withLock { $0.deadline = deadline }
        let text = timeout.defaultValueDescription
        let isWatched = DetachedThread.start {
            WallTime.sleep(until: deadline)
            cut(.timeout(text))
        }
        guard isWatched else { throw UsageError("--timeout: \(String(cString: strerror(EAGAIN)))") }
    }

    /// The command is to print an object under --json in any case, of the image of this name.
    static func expects(objectOf image: String?) { shared.state.withLock { $0.image = image } }

    /// Of which image an object is still to be printed.
    static var expectedObject: String? { shared.state.withLock { $0.image } }

    /// The command has printed its object under --json: there is not to be another.
    static func hasReported() { shared.state.withLock { $0.image = nil } }

    /// What the command does now that cannot be ended in order, and needs not be.
    static func isPreparing(_ what: String) { shared.state.withLock { if $0.preparing != nil { $0.preparing = what } } }

    /// Does what may wait for ever: a cut that finds it at that ends the process without giving it time.
    static func whileBlocked<Result>(_ what: String, _ body: () -> Result) -> Result {
        shared.state.withLock { $0.blocked = what }
        defer { shared.state.withLock { $0.blocked = nil } }
        return body()
    }

    /// From here on the machine is asked to come back, and the command ends by itself.
    static func watch(_ stopper: RunStopper) {
        shared.state.withLock { ($0.stopper, $0.preparing) = (stopper, nil) }
    }

    /// Why the command is to end now; nil while it may go on.
    static var cut: Cut? { shared.isCut.load(ordering: .relaxed) ? shared.state.withLock { $0.cut } : nil }

    /// Nanoseconds of --timeout that are left; nil without it.
    static var rest: UInt64? {
        shared.state.withLock { state in
            state.deadline.map { deadline in
                let now = WallTime.now
                return deadline > now ? deadline - now : 0
            }
        }
    }

    // MARK: The end

    private static func signalled(_ number: Int32, _ use: Signals) {
        guard shared.state.withLock({ $0.preparing }) == nil else { StopSignals.die(number) }
        let watch: @Sendable () -> Void = {
            if use == .handled { WallTime.sleep(until: WallTime.now + stopTime) }
            cut(use == .handled ? .slowStop(number) : .signal(number))
        }
        // Without a thread for it this one waits, and a later signal with it.
        if !DetachedThread.start(watch) { watch() }
    }

    /// Makes the machine come back, and at the last moment ends the process.
    private static func cut(_ why: Cut) {
        let now = WallTime.now
        let (isFirst, preparing, stopper) = shared.state.withLock { state in
            guard state.cut == nil else { return (false, state.preparing, state.stopper) }
            (state.cut, state.cutAt) = (why, now)
            return (true, state.preparing, state.stopper)
        }
        if !isFirst {
            // A signal's end may take longer than --timeout has left.
            if case .timeout = why {} else { return }
        }
        shared.isCut.store(true, ordering: .releasing)
        if let preparing { end(why, "\(sentence(why)), while \(preparing)") }
        var last = lastMoment
        if case .signal = why { last = lastMomentOfSignal }
        // What does not block is done in a moment.
        var blockedSince: UInt64?
        while WallTime.now < now + last {
            if let blocked = shared.state.withLock({ $0.blocked }) {
                let since = blockedSince ?? WallTime.now
                if WallTime.now - since >= patienceWithBlocked { end(why, "\(sentence(why)), while \(blocked)") }
                blockedSince = since
            } else {
                blockedSince = nil
            }
            stopper?.end()
            WallTime.sleep(until: min(now + last, WallTime.now + insistence))
        }
        end(why, "\(sentence(why)); the run could not be brought to its end in order")
    }

    /// Ends the process now, without waiting for anybody.
    private static func end(_ why: Cut, _ complaint: String) -> Never {
        let code = status(why).rawValue
        // Whatever blocks from here on: a file system, then a terminal.
        LastMoment.exit(code, in: 1_000_000_000)
        Leavings.takeAway()
        // Whoever reads is to get all of what follows.
        let end = WallTime.now + grace
        LastMoment.exit(code, in: grace + grace / 4)
        let unread = Console.unreadData
        let lost = unread > 0 ? ", while \(unread) bytes for standard output waited for somebody to read" : ""
        Console.sayNow(Style.paint("m4run: \(ForeignText.line(complaint))\(lost)", .error, on: 2) + "\n", until: end - grace / 2)
        if let image = shared.state.withLock({ $0.image }), !Console.isDataWaiting {
            Console.sayNow(ShortReport(complaint, status(why), image: image).text + "\n", to: 1, until: end, wholly: true)
        }
        if case .signal(let number) = why { StopSignals.die(number) }
        _exit(code)
    }

    /// Ends the process when what it has said is where it was to go; nobody is waited for beyond a limit or signal.
    static func leave(_ wanted: Int32) -> Never {
        fflush(nil)
        var code = wanted
        if Console.lostMessages > 0 { Console.note("m4run: \(Console.lostMessages) bytes of messages before this one were dropped while nobody read", .warning) }
        var rest = drain()
        if rest.out == 0, let why = Console.lostData {
            Console.error("standard output: \(why)")
            if code == 0 { code = ExitStatus.usage.rawValue }
            rest = drain()
        }
        // There is no place to say it.
        if code == 0, Console.hasLostMessages { code = ExitStatus.usage.rawValue }
        let cut = cut
        if rest.out + rest.err > 0 {
            Leavings.takeAway()
            let why = cut.map { sentence($0) } ?? "a signal came"
            // Messages that nobody reads leave no place to say so.
            if rest.out > 0 { Console.sayNow(Style.paint("m4run: \(why), while \(rest.out) bytes for standard output waited for somebody to read", .error, on: 2) + "\n", until: WallTime.now + grace) }
            if code == 0 { code = cut.map { status($0).rawValue } ?? (rest.out > 0 ? ExitStatus.usage.rawValue : 0) }
        }
        if case .signal(let number)? = cut, code > 128 || rest.out + rest.err > 0 { StopSignals.die(number) }
        if let number = signals?.first, code == ExitStatus.signal(number).rawValue { StopSignals.die(number) }
        Glibc.exit(code)
    }

    private static func drain() -> (out: Int, err: Int) {
        var written: UInt64?, since = WallTime.now
        return Console.drain { count in
            let now = WallTime.now
            if case .timeout? = cut { return now < shared.state.withLock { $0.cutAt } + orderly }
            // Who reads is waited for, signal or not.
            if written != count { (written, since) = (count, now) }
            return signals?.first == nil || now < since + orderly
        }
    }

    // MARK: Words

    /// What happened, without a full stop.
    static func sentence(_ cut: Cut) -> String {
        switch cut {
        case .timeout(let text): "--timeout \(text): the wall time is over"
        case .signal(let number): "ended by \(EndingSignals.name(number))"
        case .slowStop(let number): "\(EndingSignals.name(number)): the firmware's stop was cut after \(stopTime / 1_000_000_000) s of wall time"
        }
    }

    static func topic(_ cut: Cut) -> HelpTopic? { if case .signal = cut { nil } else { .status(.limit) } }

    static func status(_ cut: Cut) -> ExitStatus {
        switch cut {
        case .timeout, .slowStop: .limit
        case .signal(let number): .signal(number)
        }
    }
}
