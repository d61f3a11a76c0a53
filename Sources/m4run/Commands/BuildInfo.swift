// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CBuildInfo
import M4Board
import Manual

/// What `m4run --version` says: version, commit and engine, a line each.
enum BuildInfo {
    static var version: String { String(cString: m4run_version()) }
    /// nil in a build that nothing has told: see CBuildInfo.
    static var commit: String? { m4run_commit().map { String(cString: $0) } }

    static var engine: String {
        guard M4Board.hasOwnEngine else { return "the system's libunicorn \(M4Board.engineVersion)" }
        let count = m4run_engine_changes()
        return "Unicorn \(M4Board.engineVersion) with \(count > 0 ? "\(count)" : "the") changes of engine/series"
    }

    static var hasManual: Bool { m4run_pages()?.pointee.name != nil }

    /// The pages of docs/reference; without any in a build that nothing has told.
    static var manual: Manual {
        var pages: [ManualPage] = []
        guard var page = m4run_pages() else { return Manual([]) }
        while let name = page.pointee.name, let text = page.pointee.text {
            pages.append(ManualPage(fileName: String(cString: name), markdown: String(cString: text)))
            page += 1
        }
        return Manual(pages)
    }

    static var roff: RoffRenderer { RoffRenderer(version: "m4run \(version)", date: m4run_commit_date().map { String(cString: $0) } ?? "") }

    static var text: String { "m4run \(version)\ncommit \(commit ?? "unknown")\nengine \(engine)" }
}
