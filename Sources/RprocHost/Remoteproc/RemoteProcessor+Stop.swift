import MachineBase

extension RemoteProcessor {
    /// `echo stop > state`: gives up one user's claim; the last one stops the core.
    /// - Throws: `invalid` unless running or attached (nor crashed, with newer kernels), or what stopping returns.
    public func stop() throws(Errno) {
        try withLock { () throws(Errno) in
            guard state == .running || state == .attached || state == .crashed && configuration.kernel.stopsCrashed else { throw .invalid }
            power -= 1
            guard power == 0 else { return }
            do throws(Errno) { try stopCore(crashed: false) } catch {
                power += 1
                guard configuration.kernel.stopReturnsStatus else { return }
                throw error
            }
            cleanUpResources()
            releaseFirmware()
            forgetTable()
        }
    }

    /// `rproc_stop`. The virtio devices go first, so the firmware sees its status byte fall to 0 (and then 1) in its own
    /// memory before it is asked to shut down.
    func stopCore(crashed: Bool) throws(Errno) {
        for device in virtioDevices.reversed() { device.stop() }
        // From here on the table's changes are not for the firmware.
        if cachedTable == nil, case .memory(let address) = table {
            do throws(Errno) {
                cachedTable = try onBus("copying the resource table") { () throws(BusError) in
                    try bus.readBytes(address, count: tableSize)
                }
            } catch {
                self.error("can't reset resource table: \(error.negative)")
                throw error
            }
            cleanTable = nil
        }
        table = cachedTable == nil ? .none : .cached
        do throws(Errno) { try stopOperation() } catch {
            self.error("can't stop rproc: \(error.negative)")
            throw error
        }
        state = .offline
        info("stopped remote processor \(configuration.name)")
    }

    /// `rproc_resource_cleanup`: traces, carveouts, vdevs.
    func cleanUpResources() {
        traces = []
        for carveout in carveouts {
            guard let start = carveout.physicalAddress else { continue }
            switch carveout.origin {
            case .dynamic: dynamicPool?.free(start)
            case .region: log.emit(.debug, driverDevice, "unmap memory: \(start)")
            case .bufferPool: break
            }
        }
        carveouts = []
        for device in virtioDevices { device.freeVrings() }
        virtioDevices = []
    }

    func forgetTable() {
        cachedTable = nil
        cleanTable = nil
        builtTable = nil
        table = .none
        tableSize = 0
    }
}
