// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import SecureLoader
import Testing

/// The TA and the PTA as one value.
@Suite struct StateTests {
    private let image: [UInt8]

    init() throws { image = try SignedFixture().bytes }

    private func result(_ body: () throws(TEEFailure) -> Void) -> TEEResult {
        do throws(TEEFailure) {
            try body()
            return .success
        } catch { return error.result }
    }

    @Test func `Restored, the TA and its PTA are where they were`() throws {
        let board = try Board()
        let fresh = board.ta.wholeState
        try board.session.loadFirmware(image)
        let loaded = board.ta.wholeState, table = try board.session.resourceTable()
        try board.session.start()
        #expect(board.ta.wholeState != loaded && board.pta.isOn)

        board.ta.wholeState = loaded
        #expect(board.ta.wholeState == loaded && !board.pta.isOn)
        #expect(board.session.state == .loaded)
        // Neither has anything started: the one refuses to stop, the other to be stopped.
        #expect(result { () throws(TEEFailure) in try board.session.stop() } == .badState)
        #expect(try board.session.resourceTable() == table)
        #expect(result { () throws(TEEFailure) in try board.session.start() } == .success)

        board.ta.wholeState = fresh
        #expect(board.ta.state(ofProcessor: 0) == nil)
        #expect(result { () throws(TEEFailure) in try board.session.start() } == .badParameters)
        #expect(result { () throws(TEEFailure) in try board.session.loadFirmware(image) } == .success)
    }

    @Test func `It is restored into another TA, which goes on with the same session`() throws {
        let board = try Board(), other = try Board()
        try board.session.loadFirmware(image)
        try board.session.start()
        other.ta.wholeState = board.ta.wholeState
        #expect(other.ta.wholeState == board.ta.wholeState)
        #expect(other.session.state == .started && other.pta.isOn)
        #expect(try other.session.resourceTable() == board.session.resourceTable())
        try other.session.stop()
        #expect(other.platform.events.suffix(2) == [.holdBoot(true), .mcuReset])
        // What was protected is known, and given back.
        try other.session.release()
        #expect(other.platform.events.last == .protect([]) && board.session.state == .started)
    }

    @Test func `A closed session is open again`() throws {
        let board = try Board()
        let open = board.ta.wholeState
        board.session.close()
        #expect(result { () throws(TEEFailure) in try board.session.loadFirmware(image) } == .badParameters)
        board.ta.wholeState = open
        #expect(result { () throws(TEEFailure) in try board.session.loadFirmware(image) } == .success)
    }

    @Test func `Nothing changes outside of the state`() throws {
        let board = try Board()
        let before = outside(board)
        #expect(before.keys.contains("ta.onCheck") && before.keys.contains("pta.configuration") && before.keys.contains("session.session"))
        #expect(board.refusal(of: Array(image.dropLast(8))) != nil)
        try board.session.loadFirmware(image)
        try board.session.start()
        try board.session.stop()
        try board.session.release()
        board.session.close()
        let after = outside(board)
        for (property, value) in before { #expect(after[property] == value, "\(property)") }
    }

    /// What TA, PTA and session hold besides the state, as text.
    private func outside(_ board: Board) -> [String: String] {
        var found: [String: String] = [:]
        let parts: [(String, Any)] = [("ta", board.ta), ("pta", board.pta), ("session", board.session)]
        for (name, part) in parts {
            for child in Mirror(reflecting: part).children where child.label != "memory" && child.label != "state" && child.label != "platform" {
                found["\(name).\(child.label ?? "")"] = String(describing: child.value)
            }
        }
        return found
    }
}
