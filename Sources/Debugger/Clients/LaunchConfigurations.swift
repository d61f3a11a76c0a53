// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Visual Studio Code's `launch.json` for a server of this kind: cortex-debug's, and the C/C++ extension's.
public struct LaunchConfigurations: Sendable {
    private let program: String, address: DebugAddress

    /// - Parameters:
    ///   - program: the ELF with symbols.
    ///   - address: where the server is.
    public init(program: String, address: DebugAddress) { (self.program, self.address) = (program, address) }

    /// The file, with a newline at its end.
    public var text: String {
        let gdb = [("gdbPath", "gdb-multiarch"), ("gdbTarget", address.description)]
        let cortex = [("type", "cortex-debug"), ("servertype", "external"), ("cwd", "${workspaceFolder}"), ("executable", program)] + gdb
        let objects = [
            object([("name", "m4run: start (cortex-debug)"), ("request", "launch")] + cortex + [("runToEntryPoint", "main")], more: ["\"loadFiles\": []"]),
            object([("name", "m4run: attach (cortex-debug)"), ("request", "attach")] + cortex, more: []),
            object(
                [
                    ("name", "m4run: attach (C/C++)"), ("type", "cppdbg"), ("request", "launch"), ("cwd", "${workspaceFolder}"), ("program", program),
                    ("MIMode", "gdb"), ("miDebuggerPath", "gdb-multiarch"), ("miDebuggerServerAddress", address.description), ("targetArchitecture", "arm"),
                ], more: ["\"stopAtConnect\": true"]),
        ]
        return "{\n  \"version\": \"0.2.0\",\n  \"configurations\": [\n\(objects.joined(separator: ",\n"))\n  ]\n}\n"
    }

    private func object(_ entries: [(String, String)], more: [String]) -> String {
        let lines = entries.map { "\(Self.quoted($0.0)): \(Self.quoted($0.1))" } + more
        return "    {\n" + lines.map { "      \($0)" }.joined(separator: ",\n") + "\n    }"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
