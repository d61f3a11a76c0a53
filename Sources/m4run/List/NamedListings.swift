// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import Manual
import RprocHost
import SecureLoader
import VirtualMP1

// Lists of names that the program has for things; what they mean is the manual's.

/// A name, with the first sentence of its entry in the manual.
struct NamedEntry: Encodable {
    let name: String
    /// Which of the program's parts names it so.
    let source: String
    @Nullable var summary: String?

    init(_ name: String, _ source: String, page: String, _ manual: Manual) {
        (self.name, self.source) = (name, source)
        summary = manual.summary(of: name, on: page)
    }
    var cells: [String] { [name, source, summary ?? ""] }
}

/// Findings, by their rules.
struct RuleListing: Listing {
    let entries: [NamedEntry]

    init() {
        let manual = BuildInfo.manual
        entries = Finding.Rule.allCases.map { NamedEntry($0.rawValue, "linux", page: "findings", manual) }
            + BoardFinding.Rule.allCases.map { NamedEntry($0.rawValue, "chip", page: "findings", manual) }
    }
    func cells(_ entry: NamedEntry) -> [String] { entry.cells }
}

/// What a doctor names: causes, the nearest to the beginning first, and notes.
struct CauseListing: Listing {
    struct Entry: Encodable {
        let name: String, problem: Bool, commands: [String]
        @Nullable var summary: String?
    }
    let entries: [Entry]

    init() {
        let manual = BuildInfo.manual
        func list(_ doctor: [String], _ linux: [String], isProblem: Bool) -> [Entry] {
            (doctor + linux.filter { !doctor.contains($0) }).map { name in
                let commands = [doctor.contains(name) ? "doctor" : nil, linux.contains(name) ? "linux" : nil].compactMap { $0 }
                return Entry(name: name, problem: isProblem, commands: commands, summary: Nullable(wrappedValue: manual.summary(of: name, on: "causes")))
            }
        }
        entries = list(DoctorReport.causeNames, LinuxDoctor.Cause.allCases.map(\.rawValue), isProblem: true)
            + list(DoctorReport.noteNames, LinuxDoctor.Note.allCases.map(\.rawValue), isProblem: false)
    }
    func cells(_ entry: Entry) -> [String] { [entry.name, entry.problem ? "problem" : "note", entry.commands.joined(separator: ","), entry.summary ?? ""] }
}

struct StopListing: Listing {
    let entries: [NamedEntry]

    init() {
        let manual = BuildInfo.manual
        entries = StopReason.Name.allCases.map { NamedEntry($0.rawValue, "core", page: "stops", manual) }
    }
    func cells(_ entry: NamedEntry) -> [String] { [entry.name, entry.summary ?? ""] }
}

struct StatusListing: Listing {
    struct Entry: Encodable {
        let status: Int32, name: String
        @Nullable var summary: String?
    }
    let entries: [Entry]

    init() {
        let manual = BuildInfo.manual
        entries = ExitStatus.numbered.map { Entry(status: $0.rawValue, name: $0.name, summary: Nullable(wrappedValue: manual.summary(of: "\($0.rawValue)", on: "exit-status"))) }
    }
    func cells(_ entry: Entry) -> [String] { ["\(entry.status)", entry.name, entry.summary ?? ""] }
}

/// What the TA answers, by number.
struct ResultListing: Listing {
    struct Entry: Encodable {
        let name: String, code: UInt32, refusal: Bool
        @Nullable var summary: String?
    }
    let entries: [Entry]

    init() {
        let manual = BuildInfo.manual
        entries = TEEResult.named.map {
            Entry(name: $0.name, code: $0.rawValue, refusal: $0 != .success, summary: Nullable(wrappedValue: manual.summary(of: $0.name, on: "optee")))
        }
    }
    func cells(_ entry: Entry) -> [String] { [entry.name, hex32(entry.code), entry.summary ?? ""] }
}

/// Pages and entries of the manual.
struct TopicListing: Listing {
    struct Entry: Encodable {
        let topic: String, page: String, kind: String
        @Nullable var summary: String?
    }
    let entries: [Entry]

    init() {
        let pages = BuildInfo.manual.pages
        entries = pages.map { Entry(topic: $0.topic, page: $0.fileName, kind: "page", summary: Nullable(wrappedValue: $0.summary)) }
            + pages.flatMap { page in
                page.entries.flatMap { entry in entry.names.map { Entry(topic: $0, page: page.fileName, kind: "entry", summary: Nullable(wrappedValue: entry.summary)) } }
            }
    }
    func cells(_ entry: Entry) -> [String] { [entry.topic, entry.page, entry.summary ?? ""] }
}
