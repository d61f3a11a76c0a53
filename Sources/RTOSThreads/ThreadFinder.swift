// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The threads of the firmware's RTOS, from its file's symbols and its memory. No magic symbol is needed, and no code of the firmware's is run.
///
/// What was found is kept until `forget` is called: a client asks many times at each stop. Lists are walked so far at most as their own counts and
/// `mostThreads` allow: memory that is no list yet, or no longer, ends a walk and never hangs.
public final class ThreadFinder<Memory: RTOSMemory> {
    /// No list has more.
    public static var mostThreads: Int { RTOSThreads.mostThreads }

    private let memory: Memory
    private let system: (any RTOS)?
    private var found: ThreadList?
    private var contexts: [UInt32: ThreadContext?] = [:]

    public init(_ memory: Memory, _ program: some RTOSProgram) {
        self.memory = memory
        system = FreeRTOS(program) ?? RIOT(program) ?? Zephyr(program) ?? ThreadX(program)
    }

    /// The firmware has run, or memory has been written.
    public func forget() {
        found = nil
        contexts = [:]
    }

    /// The thread that the firmware's RTOS has under way, with the RTOS' name: all that is told of it even where the others are not found. nil before the
    /// first one.
    public var running: (system: String, thread: RTOSThread)? { system.flatMap { system in system.running(memory).map { (system.name, $0) } } }

    public var list: ThreadList {
        if let found { return found }
        let list = system?.list(memory) ?? ThreadList(system: nil)
        found = list
        return list
    }

    /// Registers of a thread of `list`, by its control block; nil for the one whose registers are the core's, and where they are not known.
    public func context(of control: UInt32) -> ThreadContext? {
        if let known = contexts[control] { return known }
        let list = list
        let thread = list.threads.first { $0.control == control }
        let context = control == list.current ? nil : thread.flatMap { system?.context(memory, of: $0) }
        contexts[control] = .some(context)
        return context
    }
}

/// An RTOS, as far as its firmware's file says where it keeps what.
protocol RTOS {
    var name: String { get }
    /// Without a look at any other thread.
    func running(_ memory: some RTOSMemory) -> RTOSThread?
    func list(_ memory: some RTOSMemory) -> ThreadList
    func context(_ memory: some RTOSMemory, of thread: RTOSThread) -> ThreadContext?
}

/// No list of threads has more.
let mostThreads = 256
