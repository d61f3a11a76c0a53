// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// DMA request multiplexer (RM0436, DMAMUX): which request each stream serves. Synchronisation and generators are not modelled.
final class DMAMUX: RegisterBlock {
    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onWrite: [CxCR.self], acting: [CxCR.each(CxCR.DMAREQ_ID)],
        holding: [
            // Of synchronisation, events and generators, and of overruns of these.
            CxCR.each(CxCR.SOIE, CxCR.SPOL, CxCR.NBREQ, CxCR.SYNC_ID), RGxCR.each(RGxCR.SIG_ID, RGxCR.OIE, RGxCR.GPOL, RGxCR.GNBREQ),
            CSR.all, CFR.all, RGSR.all, RGCFR.all,
        ],
        missing: (0..<CxCR.count).flatMap { channel in
            [
                MissingFeature("synchronisation of channel \(channel)", CxCR.SE.at(CxCR.offset(channel)), effect: "requests pass at once"),
                MissingFeature("events of channel \(channel)", CxCR.EGE.at(CxCR.offset(channel)), waits: true, effect: "none comes"),
            ]
        } + (0..<RGxCR.count).map { number in
            MissingFeature("request generator \(number)", RGxCR.GE.at(RGxCR.offset(number)), waits: true, effect: "no request is made")
        })

    /// The input that `channel` passes on, 0 for none.
    func request(_ channel: UInt32) -> Int { Int(self[CxCR.offset(channel)][CxCR.DMAREQ_ID]) }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        writeStored(offset, value, lanes: lanes, by: initiator)
        interconnect.requests.onChange()
    }
}
