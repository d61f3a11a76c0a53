import FoundationEssentials
import Glibc

/// What is in a folder, and in those in it.
public enum FolderWalk {
    /// More is not looked at.
    private static let most = 100_000

    /// Paths of files and folders relative to `folder`; links to folders are not followed. Nil where it is no folder that can be read.
    public static func paths(below folder: String) -> [String]? {
        guard (try? FileManager.default.contentsOfDirectory(atPath: folder)) != nil else { return nil }
        var found: [String] = [], open = [""]
        while found.count < most, let inner = open.popLast() {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(inner)")) ?? [] where found.count < most {
                found.append(inner + name)
                var status = stat()
                if lstat("\(folder)/\(inner)\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR { open.append("\(inner)\(name)/") }
            }
        }
        return found
    }
}
