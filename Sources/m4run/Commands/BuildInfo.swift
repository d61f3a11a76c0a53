// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CBuildInfo
import M4Board

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

    static var text: String { "m4run \(version)\ncommit \(commit ?? "unknown")\nengine \(engine)" }
}
