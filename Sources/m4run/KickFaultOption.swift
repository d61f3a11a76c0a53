import ArgumentParser
import RprocHost

/// `--kick-fault`: a rule by which doorbells go astray.
enum KickFaultOption {
    static let help = ArgumentHelp(
        """
        Let doorbells go astray, by rule; repeatable. drop, delay=SPAN or coalesce=N; to-firmware or to-linux; vq0 or vq1 (both \
        unless told); first=N, nth=N, every=N or one-in=N with seed=N (all unless told). As delay=2ms,to-linux,vq0,every=3.
        """, valueName: "rule")

    static func read(_ text: String) throws -> KickFault {
        do throws(KickFault.SyntaxError) { return try KickFault(text) } catch { throw ValidationError("\(error)") }
    }
}
