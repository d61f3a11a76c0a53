// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A client's session with the remoteproc TA, for one processor: what Linux's remoteproc driver holds.
public final class RemoteprocSession {
    public let processor: UInt32
    private let ta: RemoteprocTA
    private let session: RemoteprocTA.Session

    /// Opens the session.
    /// - Parameter processor: nil for the one that the platform has.
    public init(_ ta: RemoteprocTA, processor wanted: UInt32? = nil) throws(TEEFailure) {
        self.ta = ta
        processor = wanted ?? ta.pta.configuration.processor
        session = try ta.openSession(TEEParameters(.valueInput(a: processor)))
    }

    /// As the TA counts it; `off` before the first load.
    public var state: RemoteprocTA.State { ta.state(ofProcessor: processor) ?? .off }

    /// The TA's and the PTA's state, with this session; see `RemoteprocTA.wholeState`.
    public var wholeState: RemoteprocTA.WholeState {
        get { ta.wholeState }
        set { ta.wholeState = newValue }
    }

    /// LOAD_FW: verifies a signed image and loads it. Success without doing anything when firmware is already loaded.
    public func loadFirmware(_ image: [UInt8]) throws(TEEFailure) { try loadFirmware(ImageBuffer(image)) }

    /// LOAD_FW of an image that stays in the caller's memory.
    public func loadFirmware(_ image: some SharedMemory) throws(TEEFailure) {
        try invoke(.loadFirmware, .memoryInput(image))
    }

    /// START_FW.
    public func start() throws(TEEFailure) { try invoke(.startFirmware) }

    /// STOP_FW.
    public func stop() throws(TEEFailure) { try invoke(.stopFirmware) }

    /// GET_RSC_TABLE: where the loaded firmware's resource table is; nil when it has none.
    public func resourceTable() throws(TEEFailure) -> PhysicalRange? {
        let answer = try invoke(.getResourceTable, .valueOutput(), .valueOutput())
        let size = answer.p2.value.a
        return size == 0 ? nil : PhysicalRange(start: PhysicalAddress(answer.p1.value.a), size: size)
    }

    /// RELEASE_FW: clears the processor's memory and gives it back.
    public func release() throws(TEEFailure) { try invoke(.releaseFirmware) }

    /// Closes the session; what runs goes on. Every later call fails.
    public func close() { ta.closeSession(session) }

    @discardableResult
    private func invoke(
        _ command: RemoteprocTA.Command, _ p1: TEEParameter = .none, _ p2: TEEParameter = .none
    ) throws(TEEFailure) -> TEEParameters {
        var parameters = TEEParameters(.valueInput(a: processor), p1, p2)
        try ta.invoke(session, command.rawValue, &parameters)
        return parameters
    }
}
