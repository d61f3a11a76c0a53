// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What objects hold, private or not, for tests that look for what is in no state.
public struct Contents {
    /// Properties that are not looked into, as `Type.name`.
    public var outside: Set<String>
    /// Objects that are not looked into.
    public var skipped: [AnyObject]
    /// How many elements, or bytes, there are behind a pointer, by `Type.name`, out of the properties beside it; one otherwise.
    public var counts: [String: @Sendable (Mirror) -> Int]

    public init(outside: Set<String>, skipped: [AnyObject] = [], counts: [String: @Sendable (Mirror) -> Int] = [:]) {
        self.outside = outside
        self.skipped = skipped
        self.counts = counts
    }

    /// All that `object` holds and what that holds, as text by path. An object that is there twice is looked at once.
    ///
    /// - Parameter name: told of each property as `Type.name`.
    public func of(_ object: AnyObject, _ name: (String) -> Void = { _ in }) -> [String: String] {
        var found: [String: String] = [:], visited = Set(skipped.map { ObjectIdentifier($0) })
        func look(_ value: Any, _ path: String, count: Int) {
            if let pointer = value as? any Pointed {
                pointer.elements(count).enumerated().forEach { look($1, count == 1 ? path : "\(path)/\($0)", count: 1) }
                return
            }
            if let pointer = value as? UnsafeMutableRawPointer {
                found[path] = Self.text(UnsafeRawBufferPointer(start: pointer, count: count))
                return
            }
            if let bytes = value as? [UInt8] {
                found[path] = bytes.withUnsafeBytes(Self.text)
                return
            }
            let mirror = Mirror(reflecting: value)
            if mirror.displayStyle == .class {
                guard visited.insert(ObjectIdentifier(value as AnyObject)).inserted else { return }
            } else if mirror.children.isEmpty {
                found[path] = String(describing: value)
                return
            }
            if mirror.displayStyle == .dictionary || mirror.displayStyle == .set {
                for (key, element) in Self.entries(mirror) { look(element, "\(path)/\(key)", count: 1) }
                found["\(path)/count"] = "\(mirror.children.count)"
                return
            }
            // So that an array that has lost its end is not the same.
            if mirror.displayStyle == .collection { found["\(path)/count"] = "\(mirror.children.count)" }
            var next: Mirror? = mirror
            while let level = next {
                let type = String(describing: level.subjectType)
                for (index, child) in level.children.enumerated() {
                    let label = child.label ?? "\(index)", key = "\(type).\(label)"
                    name(key)
                    guard !outside.contains(key) else { continue }
                    look(child.value, path.isEmpty ? label : "\(path)/\(label)", count: counts[key]?(level) ?? 1)
                }
                next = level.superclassMirror
            }
        }
        look(object, "", count: 1)
        return found
    }

    /// Few bytes as they are, many by their number and a sum (FNV-1a).
    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        if bytes.count <= 64 { return "\(Array(bytes))" }
        let sum = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return "\(bytes.count) bytes, sum \(String(sum, radix: 16))"
    }

    /// Of a dictionary or set, by the text of the key: their own order is another one in each process.
    private static func entries(_ mirror: Mirror) -> [(key: String, value: Any)] {
        mirror.children.map { child in
            let parts = Mirror(reflecting: child.value).children.map(\.value)
            return mirror.displayStyle == .dictionary && parts.count == 2 ? ("\(parts[0])", parts[1]) : ("\(child.value)", child.value)
        }.sorted { $0.key < $1.key }
    }
}

/// A pointer whose elements can be looked at without knowing their type.
private protocol Pointed {
    func elements(_ count: Int) -> [Any]
}
extension UnsafeMutablePointer: Pointed {
    fileprivate func elements(_ count: Int) -> [Any] { (0..<count).map { self[$0] } }
}
