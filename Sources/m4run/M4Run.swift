import ArgumentParser

@main
struct M4Run: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "m4run", subcommands: [Exec.self])
}
