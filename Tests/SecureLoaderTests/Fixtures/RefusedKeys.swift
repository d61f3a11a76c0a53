// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Keys, made by OpenSSL 3, in forms that GnuTLS does not read; they protect nothing.
enum RefusedKeys {
    /// P-256 as OpenSSL writes it, SEC 1.
    static let p256 = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIEJ3CewT6VxBKe2tOECRF9Z61IqD/cRhce0b2c/x1UyioAoGCCqGSM49
        AwEHoUQDQgAENTf5IZLvPqqIL04rGkA87UMtmVDRUnR1YJu20sW0weJf6Ydh8+je
        UVAzvf4smYREdpvVbKXbdgevGuVPOfp9zg==
        -----END EC PRIVATE KEY-----
        """

    /// `p256` with `openssl ec -no_public`.
    static let p256WithoutPoint = """
        -----BEGIN EC PRIVATE KEY-----
        MDECAQEEIEJ3CewT6VxBKe2tOECRF9Z61IqD/cRhce0b2c/x1UyioAoGCCqGSM49
        AwEH
        -----END EC PRIVATE KEY-----
        """

    /// `p256WithoutPoint` by PKCS#8.
    static let p256WithoutPointPKCS8 = """
        -----BEGIN PRIVATE KEY-----
        MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCBCdwnsE+lcQSntrThA
        kRfWetSKg/3EYXHtG9nP8dVMog==
        -----END PRIVATE KEY-----
        """

    /// `p256` with `-conv_form compressed`.
    static let p256Compressed = """
        -----BEGIN EC PRIVATE KEY-----
        MFcCAQEEIEJ3CewT6VxBKe2tOECRF9Z61IqD/cRhce0b2c/x1UyioAoGCCqGSM49
        AwEHoSQDIgACNTf5IZLvPqqIL04rGkA87UMtmVDRUnR1YJu20sW0weI=
        -----END EC PRIVATE KEY-----
        """

    /// `p256Compressed` by PKCS#8.
    static let p256CompressedPKCS8 = """
        -----BEGIN PRIVATE KEY-----
        MGcCAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcETTBLAgEBBCBCdwnsE+lcQSntrThA
        kRfWetSKg/3EYXHtG9nP8dVMoqEkAyIAAjU3+SGS7z6qiC9OKxpAPO1DLZlQ0VJ0
        dWCbttLFtMHi
        -----END PRIVATE KEY-----
        """

    /// `p256` with `-conv_form hybrid`.
    static let p256Hybrid = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIEJ3CewT6VxBKe2tOECRF9Z61IqD/cRhce0b2c/x1UyioAoGCCqGSM49
        AwEHoUQDQgAGNTf5IZLvPqqIL04rGkA87UMtmVDRUnR1YJu20sW0weJf6Ydh8+je
        UVAzvf4smYREdpvVbKXbdgevGuVPOfp9zg==
        -----END EC PRIVATE KEY-----
        """

    /// `p256` with `-param_enc explicit`.
    static let p256Explicit = """
        -----BEGIN EC PRIVATE KEY-----
        MIIBaAIBAQQgQncJ7BPpXEEp7a04QJEX1nrUioP9xGFx7RvZz/HVTKKggfowgfcC
        AQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////
        MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57Pr
        vVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEE
        axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54W
        K84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8
        YyVRAgEBoUQDQgAENTf5IZLvPqqIL04rGkA87UMtmVDRUnR1YJu20sW0weJf6Ydh
        8+jeUVAzvf4smYREdpvVbKXbdgevGuVPOfp9zg==
        -----END EC PRIVATE KEY-----
        """

    /// `p256`'s public key, compressed.
    static let p256CompressedPublic = """
        -----BEGIN PUBLIC KEY-----
        MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACNTf5IZLvPqqIL04rGkA87UMtmVDR
        UnR1YJu20sW0weI=
        -----END PUBLIC KEY-----
        """

    /// A certificate of it.
    static let p256CompressedCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBTjCB9aADAgECAhRSpKyED6jDYyz9Dol6T8818s4u/TAKBggqhkjOPQQDAjAM
        MQowCAYDVQQDDAFjMCAXDTI2MTIwMTEyMjYzM1oYDzIxMjYxMTA3MTIyNjMzWjAM
        MQowCAYDVQQDDAFjMDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACNTf5IZLvPqqI
        L04rGkA87UMtmVDRUnR1YJu20sW0weKjUzBRMB0GA1UdDgQWBBSIh3fkKXlTMjtg
        VCCKqrKymyVd9jAfBgNVHSMEGDAWgBSIh3fkKXlTMjtgVCCKqrKymyVd9jAPBgNV
        HRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIAgE4kjL8CPjRTur5yBo36S+
        iwV1jmhzMFNnFQzT7Z3qAiEAwluFcPTboGp3NSwqFNKf6mqP8d3f+YOg8Dk+PnHM
        IxQ=
        -----END CERTIFICATE-----
        """

    static let secp256k1 = """
        -----BEGIN EC PRIVATE KEY-----
        MHQCAQEEIAzyohUAWngwzH1FKUFkpmTloXMHRjv8v8cMG8/wTONuoAcGBSuBBAAK
        oUQDQgAEvZ2ed3pqtiKAu6f+SuO6fv+ahPAFxQwCGalDe1PdqzJcAa0Lv2x03dMt
        kIvb5V8Mo5IVUC/3Yf4be4Udt5Dsnw==
        -----END EC PRIVATE KEY-----
        """

    static let secp256k1PKCS8 = """
        -----BEGIN PRIVATE KEY-----
        MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQgDPKiFQBaeDDMfUUpQWSm
        ZOWhcwdGO/y/xwwbz/BM426hRANCAAS9nZ53emq2IoC7p/5K47p+/5qE8AXFDAIZ
        qUN7U92rMlwBrQu/bHTd0y2Qi9vlXwyjkhVQL/dh/ht7hR23kOyf
        -----END PRIVATE KEY-----
        """

    static let secp256k1Public = """
        -----BEGIN PUBLIC KEY-----
        MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEvZ2ed3pqtiKAu6f+SuO6fv+ahPAFxQwC
        GalDe1PdqzJcAa0Lv2x03dMtkIvb5V8Mo5IVUC/3Yf4be4Udt5Dsnw==
        -----END PUBLIC KEY-----
        """

    static let brainpoolP256r1 = """
        -----BEGIN EC PRIVATE KEY-----
        MHgCAQEEIKUubqBwBCPU8jdSAZ0H3KY2dgmjND3rNbc6EsHxSvjooAsGCSskAwMC
        CAEBB6FEA0IABCn/RIwgznECeO1mr58g8aHmkUv5nsasL1nHvzefnH9uTJ9/l/+X
        WfBugW4EbgQuQ2i973W7sJVPS1Xy+PL2Fvw=
        -----END EC PRIVATE KEY-----
        """

    static let brainpoolP256t1PKCS8 = """
        -----BEGIN PRIVATE KEY-----
        MIGIAgEAMBQGByqGSM49AgEGCSskAwMCCAEBCARtMGsCAQEEIF3kH7uxEW4ZQEO0
        LDI/bDl97GlJ/TdEyTkG/NWcW0GHoUQDQgAEnAhj1yzDuZIHuolUgXCqmzmif7cj
        jXTIOl3S2bJRP99d2nI4gfsq1bH1dh0z9ugC/FN5qGoLRi823G/n0EAZOA==
        -----END PRIVATE KEY-----
        """

    static let sect233k1 = """
        -----BEGIN EC PRIVATE KEY-----
        MG0CAQEEHU+HL2LehjzBSBftc81duEQ2TCKk388K+IHI2mP7oAcGBSuBBAAaoUAD
        PgAEAFvEyZeWBLaL4JMsMUvf/9XCTy837eEMrUMHT+PdAaR05LPTDqP+sFLOZjfA
        NC6gTlKsdbJHc+ZzIBTl
        -----END EC PRIVATE KEY-----
        """

    static let sm2 = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqBHM9VAYItBG0wawIBAQQgaRNxT399Qw/fGLdc
        T8YzyZgsCduu5lYadJB7ZasVaEKhRANCAARcNnghfLhFKNvmdCGTdyXDg+mklWvS
        fQbvKjLzNbbDwxpuR41vciX8PjX7CfOC9BkBPdKiaj7yRz2+pt/JSNTv
        -----END PRIVATE KEY-----
        """

    /// `p256` by PKCS#8, encrypted with the pass phrase `sesame`; likewise those below.
    static let scrypt = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAggq5nTLBo1IwICBAAC
        AQgCAQEwHQYJYIZIAWUDBAEqBBCIFL64iL8G9x+l6g/OhhAzBIGQ+wdQ+WV+8j8Q
        o1xBR17+6Cj3dtXwaN6l7Bi6Dvf5qI3/3D4+2y4/6G1Akvy4XiDY8RHkG7w7vsAa
        H75L9kpNm3Qs/Fw5+jzmqzcA0pfTg4LPkSRCNQHXqb4rC7fk8fpw5T3be3jOGN54
        G4hIJ/jiI/iEGbb/CFYAD+sWBXRtd6MWNoJyEreXetELCaYH3vnY
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let camellia = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHuMFkGCSqGSIb3DQEFDTBMMCkGCSqGSIb3DQEFDDAcBAhQNhc2kychFgICCAAw
        DAYIKoZIhvcNAgkFADAfBgsqgwiMmks9AQEBAgQQv6j+MU8NgF5pWqnniHpS3QSB
        kAxRpZqfyN0bHyzgSm36bwd4o43l9PD3aQipqhTBCFHZ41K1lMV9kySPSvI11USU
        W3B8+Id14jWnf+YKEpiuJNOKQwCxWWxCXVaNT6LW/+bICiMIYr6X1kdI20ZuTPH0
        QS7rJz0OSSd5YnsKl1ho403pb+b2K86t3U6q/KevwY3SxSk4Z9PKPjKhp6RPOFYO
        ew==
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let rc2 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHrMFYGCSqGSIb3DQEFDTBJMCwGCSqGSIb3DQEFDDAfBAibHOA3KD2PkwICCAAC
        ARAwDAYIKoZIhvcNAgkFADAZBggqhkiG9w0DAjANAgE6BAgMYZHt/rNC1QSBkHZW
        Qr/G4eoYeOnRYO5WAItvrOYBW82qxTCb3POQXTOXacoMWTF8QJwZcOpQJzE6d0qF
        incxgLFt4Q7P1ub9pZelSgtW33aWHYeaO0R6OjRoiSBS90Q3596fuioMgJfbwfOq
        tx+BYyz7ZM/AaoQRxI6Qu/Z//DRFtXfnNPjl09iFaRXUpYYUMk/FouhjCjAohA==
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let seed = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHrMFYGCSqGSIb3DQEFDTBJMCkGCSqGSIb3DQEFDDAcBAgIo6++vs5NOQICCAAw
        DAYIKoZIhvcNAgkFADAcBggqgxqMmkQBBAQQxmh3eUV1sejZL4zt2KxrlwSBkNds
        DCCYJOiMKZiHohU7raRf2IA8v2Fro0e0CTZLj7+TjyOOBg5NApS7XNZ+RIauhwca
        bbYi0jN8nrDSAaN6Jsd275cvI02IjHlGIpq+DsotqhLtETuhkfZghyMHy4LLXZBB
        wB6lQkWQL+XoyTBUO3PXIywX400Hv4eDl5JE34nJJhJMNUR+4IIwkSbTPwJpTA==
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let pkcs12RC2 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIGxMBwGCiqGSIb3DQEMAQUwDgQIBk7e87fsdDsCAggABIGQz6GaT/txejH8g9Dk
        Y7Ci03nd+ywxO+L79WQpv/KBhoIiZ8B7MaCeLGL29O44dJ8zxEr6Ed3674aU2RGM
        jI68Bz2yRP96tLyHklr/mNv/CKS2d7xmVLyNORtxGDWrUAV20lhBGFv/Wv4AkRe1
        glIvfw2a0AVhmqIPJ6R7kH2qQAdZef+NR1M8Lv5DcDLu3aiu
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let hmacMD5 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhnKxpWt+oypwICCAAw
        DAYIKoZIhvcNAgYFADAdBglghkgBZQMEASoEEMWZE4b0XeVG1bXmjCKctLUEgZDn
        eX9KhdmYeFLdrEIPV7URh+g/UB88/eg1VyCtS+3flEjLfKrx6fj1vqEKGPbgAK0n
        E3FiLCTfQrjmBUvwvqWY8Kd/DW9lvgMX73DQ2wqeODEr9D0AaMbqwHLQTcFftELz
        GfUMFs8BBL7zCpoo9L30187GfNr1MjLDq/Faz/5gYUdc9xybwVm70ckL2+svdd0=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let hmacSHA512224 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgjm4Dw6CEEdwICCAAw
        DAYIKoZIhvcNAgwFADAdBglghkgBZQMEASoEEOgvvFgGohARNrLziW7qz4IEgZB6
        o5H/fon9G4QXXYd7w1AJetcfglpkLLYcKW6VCIOVxnf3wjHg0ratEzZ00JywXKSZ
        0kswck1oPzhAfTpp4ny1ciNCG4QGbXnhvBIta72gv3fuptlkZnFyQIjcHue/tnL4
        baGHFx/FdIO+Fn/4TZ81ZFJK5Rz4EzCJPlLYauxSrMGA+BBGdDKSMi1rjwAYgjA=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let hmacSHA512256 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjbwHU6HUQgWwICCAAw
        DAYIKoZIhvcNAg0FADAdBglghkgBZQMEASoEECppp0Q7eYN6T29KkQCSneEEgZDC
        GjGz/ADkKTI6lFAVQ/z2Y+WmXatTjw5Scb7FUq5Ln+Hh5Vbak5Fi11OGbP9gi7o7
        Fbfu4xioNfgZJeTAGvRrsqRzw5J2RXmicJvJ1g3qG/zagRZ31TXYoEZSgo/VSV44
        LixlUuP90pLVStziUJ9pS8+D2ijbVoxd0KlvznqVoyU7RxrFEtYy2llWFSNS5pM=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `p256Compressed`, AES-128.
    static let compressedEncrypted = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHLMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi7DRuuCFG2tAICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEMWvVRb9pH8IBIhhz0o1+B4EcApb
        D6L7z1vyhmWztrlAvN98oHNr7mbx8j6/qFapoKPWCe9mnyzZIutYD9WFxzFv4OtU
        RfxqP6BNJk5aXpgQjgGdjHdnpLzWBYa2r4zg5lUCk8XqCgDlsnB0x/hf+Wjbsphq
        uTILinDKqZ7s594t4Xg=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `p256` in a PKCS#12 file, base64.
    static let pkcs12 = """
        MIIBfgIBAzCCATQGCSqGSIb3DQEHAaCCASUEggEhMIIBHTCCARkGCSqGSIb3DQEH
        AaCCAQoEggEGMIIBAjCB/wYLKoZIhvcNAQwKAQKgge8wgewwVwYJKoZIhvcNAQUN
        MEowKQYJKoZIhvcNAQUMMBwECJU3AP81dbVqAgIIADAMBggqhkiG9w0CCQUAMB0G
        CWCGSAFlAwQBKgQQubS9t7AJNM1HeB3l0P+f8QSBkFZ8OKyD8JLCaaQ+emE+cE2M
        avf+14JLwwmbiSWy0xcSSWe0WcD4LlIMANK9YVxM2Y13kJSbd+GNXmwRjcmuQC7r
        /bLGFo/iuTDFdhDL6nfh9mVsL7YlEjAJILZL433wXD05gRfQOyxp2pyZ4PC9zss6
        Ey7rSdEKYKCGHA026pLpnzDibIAUX9rsMOvlhAkhIDBBMDEwDQYJYIZIAWUDBAIB
        BQAEIKiUxyNgCj3cLoU8Vadusjv02j2C7KYUPrqyzz64/mvJBAi2qwopXCpOkAIC
        CAA=
        """
}
