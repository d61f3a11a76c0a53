// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials

/// Where the files are that belong to this program: as installed, or in the checkout that it was built in.
enum InstalledPlace {
    /// The folder of the program's file.
    private static var folder: URL { URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent() }

    /// A path that is relative to the program's folder.
    static func besideProgram(_ path: String) -> String { folder.appendingPathComponent(path).standardizedFileURL.path }

    /// A path in the checkout; nil for a program that is not in one's build folder.
    static func inCheckout(_ path: String) -> String? {
        for build in ["/.build/", "/.build-system/"] {
            if let place = folder.path.firstRange(of: build) { return folder.path[..<place.lowerBound] + "/" + path }
        }
        return nil
    }

    /// Files with this ending in the first of the folders that there is, by name.
    ///
    /// - Parameters:
    ///   - installed: below share/m4run.
    ///   - checkout: below the checkout.
    static func files(_ ending: String, installed: String, checkout: String) -> [String] {
        for folder in [besideProgram("../share/m4run/" + installed), inCheckout(checkout)].compactMap({ $0 }) {
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { continue }
            return names.filter { $0.hasSuffix(ending) }.sorted().map { folder + "/" + $0 }
        }
        return []
    }
}
