// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The name a trusted application is opened by.
public struct TAIdentifier: Hashable, Sendable, CustomStringConvertible {
    /// In the usual form, lower case.
    public let description: String

    /// The remoteproc TA. Source: OP-TEE ta/remoteproc.
    public static let remoteproc = TAIdentifier(description: "80a4c275-0a47-4905-8285-1486a9771a08")
    /// The remoteproc pseudo TA. Source: OP-TEE lib/libutee remoteproc_pta.h.
    public static let remoteprocPTA = TAIdentifier(description: "54af4a68-19be-40d7-bbe6-8950350a8744")

    public init(description: String) { self.description = description }
}
