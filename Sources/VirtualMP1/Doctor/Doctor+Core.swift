import CortexM
import M4Board
import MP1Peripherals
import MachineBase

/// What the core is about: where it stands, and whether it gave up.
extension Doctor {
    /// Where the core stands, in a sentence.
    var corePlace: String {
        let activity = system.board.activity()
        switch activity.state {
        case .held: return "The M4 is held in reset."
        case .lockedUp: return "The M4 is locked up at \(place(activity.registers.pc))."
        case .asleep, .running: break
        }
        if let sleeps = core.sleepPlace { return "The M4 sleeps (WFI or WFE) at \(place(sleeps))." }
        let functions = core.usualFunctions(5)
        if functions.isEmpty { return "The M4 executes at \(place(activity.registers.pc))." }
        return core.isLooping ? "The M4 goes round a loop in \(list(functions))." : "The M4 is busy, in \(list(functions)) above all."
    }

    mutating func judgeCore() {
        if judgeEnd() { return }
        if judgeHandlers() { return }
        if judgeTick() { return }
        judgePolling()
    }

    // MARK: Gave up

    private mutating func judgeEnd() -> Bool {
        guard let entry = watch.end() else { return judgeReturn() }
        let start = symbols.functions([entry.function]).first { $0.function == entry.function }?.address
        let from = entry.handles.map { ", in the handler of \(title($0))" } ?? caller(returningTo: entry.returnAddress, entry: start), thread = entry.thread.map { ", in \($0)" } ?? ""
        if entry.function == "_exit" {
            report.problem(
                .ended, "The firmware has ended: _exit was called at \(entry.time) s\(from)\(thread). \(corePlace)", "none if it is done; else main must not return.")
            return true
        }
        let greeting = greetingHint(before: entry.time)
        report.problem(
            .errorHandler,
            "The firmware gave up in \(entry.function) at \(entry.time) s\(from)\(thread), and has not come back\(words(of: entry)).\(greeting) \(corePlace)",
            greeting.isEmpty
                ? "look at the call before that: what it returned is why." + unservedHint + unmodelledHint
                : "say what the firmware expects: 'm4run run --send TEXT'; or look at the call before that.")
        return true
    }

    /// Who gives up may have waited for an answer on a channel that has no driver.
    private var unservedHint: String {
        // Channels of one name are named once.
        let names = Set(report.channels.filter { $0.driver == nil }.map { ForeignText.quoted($0.name.bytes) }).sorted()
        return names.isEmpty ? "" : " Nobody in Linux answers on \(list(names)), which \(names.count == 1 ? "has" : "have") no driver: it may have waited for that."
    }

    private mutating func judgeReturn() -> Bool {
        guard let time = watch.mainReturned else { return false }
        report.problem(
            .ended, "main has returned, at \(time) s: the firmware is in what start-up code has behind that. \(corePlace)",
            "none if it is done, or if interrupts do the rest; else main needs its endless loop.")
        return true
    }

    /// What an assertion was called with.
    private func words(of entry: EntryWatch.Entry) -> String {
        guard ["assert_failed", "__assert_func", "vAssertCalled"].contains(entry.function) else { return "" }
        let texts = [0, 2, 3].compactMap { $0 == 0 || entry.function == "__assert_func" ? text(at: entry.registers.r[$0]) : nil }
        guard !texts.isEmpty else { return "" }
        return " (" + texts.map { ForeignText.quoted(Array($0.utf8)) }.joined(separator: ", ") + ", line \(entry.registers.r[1]))"
    }

    private func text(at address: UInt32) -> String? {
        let text = MemoryText(system.board, at: address, limit: 96).text
        return text.utf8.count > 2 ? text : nil
    }

    /// Said where something failed and registers without a model were touched before.
    var unmodelledHint: String {
        let names = unmodelledBlocks, features = unmodelledFeatures.map { "\($0.place)'s \($0.feature)" }
        return (names.isEmpty ? "" : " m4run has no model of \(list(names)), which the firmware has used: a board may answer there.")
            + (features.isEmpty ? "" : " Switched on, and not modelled: \(list(features)).")
    }

    func list(_ names: [String]) -> String {
        names.count < 2 ? names.joined() : names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
    }
}
