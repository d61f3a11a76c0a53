// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import SecureLoader

/// Keys that sign the corpus. They are published here and good for nothing else.
public enum CorpusKey: Sendable {
    /// The one that the cases expect to be trusted.
    case rsa
    case rsa1024, rsa4096
    /// Trusted beside ``rsa`` where the platform checks ECDSA.
    case ecdsa

    /// - Throws: `KeyError.library` without GnuTLS.
    public var signing: SigningKey {
        get throws(KeyError) {
            switch self {
            case .rsa: try Self.read.rsa.get()
            case .rsa1024: try Self.read.rsa1024.get()
            case .rsa4096: try Self.read.rsa4096.get()
            case .ecdsa: try Self.read.ecdsa.get()
            }
        }
    }

    /// Each once.
    private static let read = (rsa: key(rsaPEM), rsa1024: key(rsa1024PEM), rsa4096: key(rsa4096PEM), ecdsa: key(ecPEM))
    private static func key(_ pem: String) -> Result<SigningKey, KeyError> { Result { () throws(KeyError) in try SigningKey(pem: pem) } }


    private static let rsaPEM = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEpAIBAAKCAQEAqebgAnZUEReD7zVYc6YWihXUVcMh4mh6XSJqXI9UqWwq0/5+
        IbNUMGOE/3hC+nJPKmINyS45Vv1KmiwmD+LRyBNcdScAWP2ToohHqe9WhMCowAfw
        jsU9bQjMx6MzMWWnQ+L7llNUsUGGdtznUky598/KuJ1+hWpYHzZvJ0LKOSAOAC+N
        bTgJ19xBhZNiI8epY6iGrZpHijmIfygIGgbF6/gr/YiTDtdFAWcZKpEENlboLaes
        giMdoE9rNUwPvHqlIQ8AJdsTbCYYLddQUI4+m1MwfcnVTA2SyEpMJgrhj2XBJmeD
        wTgwC/kGQBNxpLrooDWylChkNbL1rha3UvRjswIDAQABAoIBAAt1FcsktqOWbd++
        PbJC04dJVJHaAFl3yTSpovmN8twf/r1gDppwMO+4bloZ/o5MEhmeFibodpZuq069
        Rm3Q0mvHHneKA0R9CS0vOoHzsWZvZZHZlzfRhkRpkQGveD7PB5oU3vlysiXn8Mzo
        NbM/mFTlTtrnSAZwNvQX5CQGJYP3kLCOYtIx4063NqZbsUrZjoVdJyEVcR1Qk3+d
        UNwlYHY1F4/5Nut1n/omLtcIqEO4W4lksW8avGta1++XHt9rGJbGLkgqcUzld0UD
        Vr9Mlb1qz7lES/vnSlfJjNUvu5SjyqQg2y5oQAXlNdOKspVuDv0vcrOx3AtBsVfr
        Wdbl2v0CgYEA4pSaK7qW1n35oMjrnKuDnbPlltTsQozbBRjV65nkaq9/+J6OZvrh
        wEy0vcj5z1ctN44y/3ibXfJCyGlfNIXMhKPO9hePwai1q/xmuO1yxmxXcckpzgYf
        ldg6+TtQjCYelOZmzlQRHNeAEUka8OU8sp2ef8TC+lkAcfdNQF2s/v0CgYEAv/ZP
        TKMmzgFRCnmdvdmlioSntmZjsKo056gxPYUhigjpv0kJWtA99Rf4l36yu44AsWtW
        vRgeF4wIN36BSqFZ39o0TmMrouWZe17nnMQkPivhpDqxCzq79JeOdmlKWVQdIcUs
        OLLIV7FnRuKb0MOgXM5Js4Luc1N87ZDOSVPjZG8CgYEAqdfGsVzO0L3hr1qs8uXG
        ZSKCyUuWRlSboPh68n6LMEWZ4d3I1Pze2G0nVtQeHgQ1Ct328HWR0RxWXzBNg2uA
        YTUBYItM4Vf7xo4O2jRzwrVX3x1xztPcPVC29Dg4KrYwWmFTUvrFUR9hCpQIM+dC
        Vom8U/5EQbERmlxMdiFCGmkCgYBTAnxAM70wEDmvQfAIjPmc8Mhlg9lQKApAsua4
        J73dJwWNhlPZRXvFZNxHBq7blAiQsE4N70P0AsX62WWnlCZ9Oqqryw6vnoHEa8HU
        dK0HhYpJrmeo53knx/H/GoDgKBOA6va4ffdMlJaIfK3MlQvflgUg71mV3WCEir3p
        z7DhWQKBgQC0uQqBHaTCzDP5mjcdJsC6/Fx0ovfCr5wqBiW11TOh+3isGfCgUdN5
        Qdr8u8C2PrUNcV+kksKw/oK22VZdzkjcrzDXLcOXCajLAOBv7OBOKZjVguFFFsat
        lmCWfYjLP6V4f9Nra+Vwo38YsNJ5nKoJNk415koDECx8KmBiKS/M8g==
        -----END RSA PRIVATE KEY-----
        """

    private static let rsa1024PEM = """
        -----BEGIN RSA PRIVATE KEY-----
        MIICXAIBAAKBgQCiJLcJ3VliIHAgxtZ9fzwVWTE6m2jJKHCDIBo8RGZuFrzzfYi5
        57EMmLOMeqF3gA7kcFTslgAIsIfdnCZz1+bQG5pehEQLrR0N6BvAUCnwJ5QaSfrR
        o3TxHcl8JfKAjJBe0KeZipJUYDKbGQ6GwmLwBOnvwGM5AftI7BcTKgJlTQIDAQAB
        AoGAebbt3+3VJyAKi9A3OsXEKJJnrgLzSe2daBE1IICIE6Pl+zIE7OjLsxT90zpK
        8xWiGEFqvp5rMBq0ItsQ0m0DyYqVLNaJuEjekBw6aQV2oTJgdURC5jRKagjvwl7y
        Cg3kLmblM6csWSvuKcpg1GTdCS3z9ebutH5I1e1QE6eRzQECQQDTpZNF7QfsExyh
        +kDttvppXQMXarGvIBz6JD6k9Us0akepTf8EOQy0QB8fDXpP2Q54VzZfFIDzV1JX
        uT/mkkv9AkEAxB9iQXLkRM1IiRQgyEwVxYiKVzeA+dgS9h1IQEDUg8PH9WWUYexK
        2tifm8h7DES+qz+B+iWM7IoBlFB/sbo3kQJAFSwPG4OmszsGNj3umNkhG8EuOf12
        YOp5e5x8l8viBhBLsugWhrmeR7nSYyzZ+3rfM7KlwcUvUSh/GD9z4QDpkQJAe5YT
        Qo71zW1W8hqe9dkMNyftlTxCqC5C9JhLOUIhKM8sqDTUpkhSe0naej6BW5/OTvd8
        HnefMEde62k2rnZcIQJBALOUogYmZdkeAx7//WUd3GCeM5VFK30sTzlEgjZ0UB30
        9zhQiBW2qq5T8zJT0RGBVonlA3F9GV1QlSq1i0MhL/Q=
        -----END RSA PRIVATE KEY-----
        """

    private static let rsa4096PEM = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIJKAIBAAKCAgEApQkaTwzyGffi14WlE5wc2uoXNqV6aCuPqlyMdax8HP/Ts4Jr
        Y0nOlnq1rc/haqodHNqZ7mVRqNzhs9NqmnplDx1zg0V0FENAFYQkAani+2ff1Gnn
        N/VwUhXEZKCtFAWyQui9I4kE0HpIetni7si2YwttqdQ+IWIz8xLK4ccgQnT1hrIz
        hW64+InBQY93WOPAeUGjsAKpuFJ8scOO5k4GdbRaQPNE6XCya48gEEdiJW0xWZKP
        U0u/oNOTePk13rsZt4gLLYeMFgQgLHFgLQGSzTSSu5padcyr3pTO8X73t4su0JLw
        fqG40+A14A9o5fW8i0Lc6FyxdhpqKyrk8TKpU4wuGV4+SoIzhierftz+tTvZa3N/
        OKRtaYADDss2l+4ZKzHk4H8L9cqIvA3lTwoBxENTSDWymLL5pbIo9WYfZgN2hFEM
        i8WpJWVkYIAo3SSsAtVvIMkEqm2fEGkYdD8ggGLceOjySNLsKGdCuM0bHZI8phC5
        TVwsduNaH/RgXTev2rWzKqsDLg8jGHM+qg72IMKTrBDbLCTx9pXpYe07LM8RURu8
        GOOjT7eRguK+3smqRN0AtMye3cc8CaPYRd2Fd/eRY+AknvT767tXCcRE1sKJ8rzu
        RL5MeoHrPxqwDUwypL5rChkb8yMp3vcK7i7nuxuq26H/RQEoQf5u8n22GoECAwEA
        AQKCAgBKQCGvji4Ag/fxqmW+QF71GRvvkJzVcD/XUIM7UCqY63qmSVeiWKsTJctG
        k4Ah+r5VZH6b9Ma8GACN5OER9l4wYjo9xco3cZhL9eMzQmlmXfIkwa7vDMSHkdaF
        xYqJNxTgKJEsAzIAz/t7FjuU3gW84v/oSB7Z6zJfOsW/tdSsQa3Td6pZbprW6zdh
        FTiHbBSFGYSZJGGSlb4XRlotAM7ENyviC/Elq/gCD2dIG62rFAj/eUJ1od9p7rbr
        VwgnGPu1iIYq6lCa+Sk2hZ3VMd+H5o7by9LGLBrpbf77RPoTgJHD8lA0UPN0k+v5
        TkWOLLSy3RbBji6jabf5ivdtEzN9sx7JHpulpyzMufJA70gUUYYCACBQ+yxF9PDD
        ov6HAIwK6EPOd1R4sDao68yTV7cms+ygD+LzmcRe+WF5rOLUOtSzjP/Q/9MsXhia
        o8XeUVhH8bPoaHU+sa4R+OlvZS8+moNnip9TizaA5517v1iuZc2IEYz1dhcmq/Bd
        Nhgb43X1ZPk0lDEj6DdJUikpiufRtF9j76npnHe04Z/RCdyL35N+ngON9eq1jARp
        2z7mD6pDYOSDlgXa7n6n18JgfuGvPjJgYoB4C2gI/YKQ+0iOiLykUawe3woUbQLF
        Al6SWN5CzI9ut+wkDSJYfO84H4SihrU1J1R32jdEvbIQQzR/lwKCAQEA4PZtwsLq
        njvcnzoy+IzbuQTQuQVwa/oc39T3nq7knZoTiSWZmVd8O2gxbMiiRQmUQwUa7lne
        J1wPW9tRRT3EX/YsTdmrz4NQScJ+Ry2LVDV30c+RTK4Z2cVLH3XasVwR81rLXPVo
        MEWnpAWC1OWlalUGp+FVzwBDKcD7yyBO0limK6TZCH4YQ0b2DdMKDeDjty6i3E4P
        894vfw7xfzVOG5vXpPDBM5TsFQsO66wa+gJyjgtfvJy0LgenaB+6kdo5qFPu1F92
        cf8GMT84UnL3snxmLGdhkf95SX8fJlxUntzbSefVo4CV4J2yMnoRqBFv9vNwx7KA
        nmkLiGjGbmYCZwKCAQEAu84US1e0qBzOQbaCBpm7CjST3khnwtAGQjksN6njA5SF
        Q+568RaCl2Ke7t/dAEPNQesjhQ9OuARKqRxLj+sdoNYkhVDxAgKz1LhwJdU+LFnC
        R/MMQl2UJGqPAItpR46llBs/sLb9B770mZiCke7KHcXyB2prNzsIiwoXan12I6b2
        JAIosdVbGn9fgI+sAKMUQyxAYEWcCwC+QsrXEu2eUAAuHppf/PmYdtu2r8xy+7yd
        dnEUkPUeKk5CGMOo1arIO3BvKjGnxuUw0X7H5CAbyKCDRHrQepNuVoJKVwEXN+yg
        UxjQk258bl4gqZEQoY3uWnmOxDcud88Y5fl6otN61wKCAQBaidNS9y+Fz4HTc5Dg
        B5DGvfFjBZVhX6APVZ7y9mB8LW5/W+qdlGAjaKO7rGPidSB+eKeGFhUasipcRcBH
        pbxLAsCB9ID5W1gM14ILE4Fnur0ma+uGeOtegdDiMIR7rRpsXrZKC1qLUv1NPgqR
        tHsGeIHdPwtR7EEbpNexwKb4cUUve4D9sgIB0aVlmvII8+Gx78sL7z7sXxeug00e
        bU2qPuZjM6IOKHl7Xp/6qaGRzTpdgKZfOpIplFsDxQFJghKCdIVCY8k/x+uuFkuM
        o0idRQO6C0FxiOg/dDINNku4RBrde7i3vSCU7eKx/f7tLVdqhD93n5e0KYLCu6hg
        9h0xAoIBAQCRsFRd/jPPFkmLAKHtrOREDnWHQnP71JSGWwPKSqgo5tZa1G3bCLNV
        7NOOS2uOAQsBz/9GAZH3fpzMg366rpHVa0n5gcj03lPS+SFGuB37GcZ1Oj6QXTfG
        6EL3ES8iq64XLuxBkjLIB4KIhJ8FxlBUuHIA/rUdq1X9Rl7T5W/4SFU5qdMX4YND
        EvxrJwkvlVLqqTFnfZiHkJQIDIK71EmzlfAxHWDJRnbX/anCxr+MOc2NTDvAF+bG
        ut7bhy06U7nxIk+aU9rrmHA+lDNM7Pugr6QlQ4DnFefKhFhXFimE4LOewulK9bLh
        i3ObF0XnjcsRtKrj3ErX9nhCLz7LgXMRAoIBACzekORf4Cs56QKP/bRcjxBj4PL7
        jt5r71ePYgZ6ceeTys1Vnq3GwoFMm+1WGG1JBkkGb2/L7RdqiEul8rAzvVPaw0uy
        cdnISM1HGgEOmcEqVEi0P7Kzx3qxhxDQ+KWfPHLokUQ8t9heHg501ULGvx5o4K2/
        x0Lv0kop9RWzOrNUVmitt7z4ECcb0IjvgQqKEPihChvZ9GnjietdLnQ4f7L2a/2e
        AwN+OR0NTT/3lAnZT8YQvcPLnJCZ/pdCzUAoZO/B7vCojnzugTrDJjpHp+uL0n2p
        i/sY9IPR6CMfRFpq0O7nB3oMR6riFLVr+IBBT6aSBAoXk5wJ2Tv6aA8AAGc=
        -----END RSA PRIVATE KEY-----
        """

    private static let ecPEM = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyOLDfeWferpGZrfb
        cUKhWutNe94QX43Cf1WZN09nIcyhRANCAATwWloCxTCVVp8IfXxJhKyjzGUjEoKz
        pZ3LEwznomhBqF7nDJm+MNM6xYyitZbsOAOwb/RwZdfbgiT2UomJuWji
        -----END PRIVATE KEY-----
        """
}
